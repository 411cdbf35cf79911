// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/line_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "common/telemetry/log.h"

namespace cohort::log {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// What FillRecord asks of a message.
class Record {
 public:
  google::protobuf::Timestamp* mutable_time() { return &time_; }
  int level() const { return level_; }
  void set_level(int level) { level_ = level; }
  void set_job(const std::string& job) { job_ = job; }
  void set_text(const std::string& text) { text_ = text; }

  google::protobuf::Timestamp time_;
  int level_ = 0;
  std::string job_;
  std::string text_;
};

// What FillReport asks of one.
class Report {
 public:
  void set_start_id(uint64_t start_id) { start_id_ = start_id; }
  void set_first_number(int64_t number) { first_number_ = number; }
  Record* add_lines() { return &lines_.emplace_back(); }

  uint64_t start_id_ = 0;
  int64_t first_number_ = 0;
  std::deque<Record> lines_;
};

class LineReportTest : public ::testing::Test {
 protected:
  void Log(Level level, const std::string& event, int version = 1) {
    const std::vector<Field> fields = {{"job", "sums"}, {"version", version}};
    lines_.Add({.time = absl::FromUnixSeconds(1000), .level = level, .event = event, .fields = fields});
  }
  RecentLines lines_{"job", /*max_bytes=*/16 << 20};
};

TEST_F(LineReportTest, RecordHasAllOfALine) {
  Log(Level::kWarning, "lease_lost", 4);
  Report report;
  EXPECT_EQ(FillReport(lines_, &report), 1);
  EXPECT_EQ(report.start_id_, lines_.start_id());
  EXPECT_EQ(report.first_number_, 1);
  ASSERT_THAT(report.lines_, SizeIs(1));
  EXPECT_EQ(report.lines_[0].time_.seconds(), 1000);
  EXPECT_EQ(report.lines_[0].level_, static_cast<int>(Level::kWarning) + 1);
  EXPECT_EQ(report.lines_[0].job_, "sums");
  EXPECT_EQ(report.lines_[0].text_, "lease_lost version=4");
}

TEST_F(LineReportTest, ReportsGoOnWhereTheLastOneArrived) {
  for (size_t i = 0; i < kMaxReportLines + 3; ++i) Log(Level::kInfo, "step");
  Report first;
  const int64_t last = FillReport(lines_, &first);
  EXPECT_EQ(last, static_cast<int64_t>(kMaxReportLines));
  EXPECT_THAT(first.lines_, SizeIs(kMaxReportLines));
  lines_.RemoveThrough(last);
  Report second;
  EXPECT_EQ(FillReport(lines_, &second), last + 3);
  EXPECT_EQ(second.first_number_, last + 1);
  EXPECT_THAT(second.lines_, SizeIs(3));
}

TEST_F(LineReportTest, NothingToReportIsAnEmptyMessage) {
  Report report;
  EXPECT_EQ(FillReport(lines_, &report), 0);
  EXPECT_EQ(report.start_id_, 0u);
  EXPECT_THAT(report.lines_, IsEmpty());
}

}  // namespace
}  // namespace cohort::log
