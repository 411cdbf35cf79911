// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_logs.h"

#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <vector>

#include "common/config/proto_time.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kJob[] = "namespaces/default/jobs/demo";
constexpr char kOther[] = "namespaces/other/jobs/demo";
constexpr auto kWorker = cohort::v1::PROCESS_ROLE_ROLLOUT_WORKER;

class JobLogsTest : public ::testing::Test {
 protected:
  // Lines "<first>", "<first + 1>" and so on.
  static cohort::v1::LogReport Report(uint64_t start_id, int64_t first, int count, const std::string& job = kJob) {
    cohort::v1::LogReport report;
    report.set_start_id(start_id);
    report.set_first_number(first);
    for (int i = 0; i < count; ++i) {
      cohort::v1::LogRecord& record = *report.add_lines();
      record.set_job(job);
      record.set_level(cohort::v1::LOG_LEVEL_INFO);
      record.set_text(std::to_string(first + i));
    }
    return report;
  }
  std::vector<cohort::v1::LogLine> All(const JobLogs& logs, const std::string& job = kJob,
                                       const LogFilter& filter = {}) const {
    return logs.After(job, 0, filter, 1'000'000).lines;
  }
  static std::vector<std::string> Texts(const std::vector<cohort::v1::LogLine>& lines) {
    std::vector<std::string> texts;
    for (const auto& line : lines) texts.push_back(line.record().text());
    return texts;
  }

  ChangeSignal signal_;
  prometheus::Gauge bytes_;
  JobLogs logs_{/*epoch=*/3, &signal_, &bytes_, {}};
};

TEST_F(JobLogsTest, OwnLineAboutAJobIsKept) {
  const std::vector<log::Field> fields = {{"job", kJob}, {"version", 4}};
  const absl::Time time = absl::FromUnixSeconds(1000);
  logs_.AddOwn({.time = time, .level = log::Level::kError, .event = "replay_diverged", .fields = fields});
  const auto lines = All(logs_);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].role(), cohort::v1::PROCESS_ROLE_COORDINATOR);
  EXPECT_EQ(lines[0].process(), "coordinator");
  EXPECT_EQ(lines[0].record().level(), cohort::v1::LOG_LEVEL_ERROR);
  EXPECT_EQ(lines[0].record().text(), "replay_diverged version=4");
  EXPECT_EQ(common::FromProtoTimestamp(lines[0].record().time()), time);
  EXPECT_EQ(signal_.count(), 1);
  EXPECT_GT(bytes_.Value(), 0);
}

TEST_F(JobLogsTest, OwnLineAboutNothingIsNot) {
  const std::vector<log::Field> fields = {{"job", "no name of a job"}};
  logs_.AddOwn({.time = absl::Now(), .level = log::Level::kInfo, .event = "a", .fields = {}});
  logs_.AddOwn({.time = absl::Now(), .level = log::Level::kInfo, .event = "a", .fields = fields});
  EXPECT_THAT(All(logs_), IsEmpty());
  EXPECT_EQ(bytes_.Value(), 0);
}

TEST_F(JobLogsTest, ReportThatComesAgainAddsWhatIsNew) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 3));
  logs_.AddReport(kWorker, "w", Report(7, 1, 5));
  logs_.AddReport(kWorker, "w", Report(7, 2, 2));
  EXPECT_THAT(Texts(All(logs_)), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(JobLogsTest, ProcessesCountEachForItself) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 1));
  logs_.AddReport(kWorker, "v", Report(8, 1, 1));
  logs_.AddReport(cohort::v1::PROCESS_ROLE_LEARNER, "w", Report(9, 1, 1));
  EXPECT_THAT(All(logs_), SizeIs(3));
}

TEST_F(JobLogsTest, LinesThatAreMissingAreToldByTheNextOne) {
  logs_.AddReport(kWorker, "w", Report(7, 40, 1));
  logs_.AddReport(kWorker, "w", Report(7, 50, 2));
  const auto lines = All(logs_);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0].num_lost_before(), 0) << "nobody knows what another coordinator was told";
  EXPECT_EQ(lines[1].num_lost_before(), 9);
  EXPECT_EQ(lines[2].num_lost_before(), 0);
}

TEST_F(JobLogsTest, ProcessThatStartsAgainCountsFromOne) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 10));
  logs_.AddReport(kWorker, "w", Report(8, 1, 2));
  EXPECT_THAT(All(logs_), SizeIs(12));
  logs_.AddReport(kWorker, "w", Report(9, 3, 1));
  EXPECT_EQ(All(logs_).back().num_lost_before(), 2);
}

TEST_F(JobLogsTest, ReportsOfGarbageAreLeftOut) {
  logs_.AddReport(kWorker, "w", Report(7, 0, 3));
  logs_.AddReport(kWorker, "w", Report(7, -5, 3));
  logs_.AddReport(kWorker, "w", Report(7, std::numeric_limits<int64_t>::max() - 3, 3));
  logs_.AddReport(kWorker, "w", Report(7, 1, 0));
  logs_.AddReport(kWorker, "w", Report(7, 1, 1, "../../etc"));
  EXPECT_THAT(All(logs_), IsEmpty());
  EXPECT_THAT(All(logs_, "../../etc"), IsEmpty());
}

TEST_F(JobLogsTest, JobsDoNotMix) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 2));
  logs_.AddReport(kWorker, "w", Report(7, 3, 2, kOther));
  EXPECT_THAT(Texts(All(logs_)), ElementsAre("1", "2"));
  EXPECT_THAT(Texts(All(logs_, kOther)), ElementsAre("3", "4"));
  EXPECT_THAT(All(logs_, "namespaces/default/jobs/quiet"), IsEmpty());
}

TEST_F(JobLogsTest, SequencesRiseAlsoOverStarts) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 2));
  JobLogs next(/*epoch=*/4, &signal_, &bytes_, {});
  next.AddReport(kWorker, "w", Report(7, 3, 1));
  const auto before = All(logs_);
  EXPECT_LT(before[0].sequence(), before[1].sequence());
  EXPECT_THAT(Texts(next.After(kJob, before[1].sequence(), {}, 10).lines), ElementsAre("3"));
}

TEST_F(JobLogsTest, PagesGoOnWhereTheLastOneEnded) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 5));
  LogFilter filter;
  filter.process = "v";
  const JobLogs::Page first = logs_.After(kJob, 0, {}, 2);
  EXPECT_THAT(Texts(first.lines), ElementsAre("1", "2"));
  const JobLogs::Page second = logs_.After(kJob, first.last_sequence, {}, 2);
  EXPECT_THAT(Texts(second.lines), ElementsAre("3", "4"));
  const JobLogs::Page none = logs_.After(kJob, second.last_sequence, filter, 2);
  EXPECT_THAT(none.lines, IsEmpty());
  EXPECT_GT(none.last_sequence, second.last_sequence) << "what the filter kept back was looked at";
  EXPECT_EQ(logs_.After(kJob, none.last_sequence, {}, 2).last_sequence, none.last_sequence);
}

TEST_F(JobLogsTest, NewestLinesThatMatchAreFound) {
  cohort::v1::LogReport report = Report(7, 1, 6);
  for (const int i : {1, 3, 5}) report.mutable_lines(i)->set_level(cohort::v1::LOG_LEVEL_WARNING);
  logs_.AddReport(kWorker, "w", report);
  LogFilter filter;
  filter.min_level = cohort::v1::LOG_LEVEL_WARNING;
  const auto newest = [&](int64_t count) {
    return Texts(logs_.After(kJob, logs_.BeforeNewest(kJob, 0, filter, count), filter, 100).lines);
  };
  EXPECT_THAT(newest(1), ElementsAre("6"));
  EXPECT_THAT(newest(2), ElementsAre("4", "6"));
  EXPECT_THAT(newest(100), ElementsAre("2", "4", "6"));
}

TEST_F(JobLogsTest, EveryPartOfAFilterHolds) {
  cohort::v1::LogLine line;
  line.set_role(kWorker);
  line.set_process("w");
  line.mutable_record()->set_level(cohort::v1::LOG_LEVEL_INFO);
  *line.mutable_record()->mutable_time() = common::ToProtoTimestamp(absl::FromUnixSeconds(100));
  EXPECT_TRUE(LogFilter{}.Lets(line));
  EXPECT_TRUE((LogFilter{.role = kWorker, .process = "w", .first_time = absl::FromUnixSeconds(100)}).Lets(line));
  EXPECT_FALSE((LogFilter{.min_level = cohort::v1::LOG_LEVEL_WARNING}).Lets(line));
  EXPECT_FALSE((LogFilter{.role = cohort::v1::PROCESS_ROLE_LEARNER}).Lets(line));
  EXPECT_FALSE((LogFilter{.process = "v"}).Lets(line));
  EXPECT_FALSE((LogFilter{.first_time = absl::FromUnixSeconds(101)}).Lets(line));
}

TEST_F(JobLogsTest, OldestLinesOfAJobGoBeyondItsLimits) {
  JobLogs few(1, &signal_, &bytes_, {.max_lines_per_job = 3});
  few.AddReport(kWorker, "w", Report(7, 1, 10));
  EXPECT_THAT(Texts(All(few)), ElementsAre("8", "9", "10"));
  JobLogs small(1, &signal_, &bytes_, {.max_bytes_per_job = 1});
  small.AddReport(kWorker, "w", Report(7, 1, 10));
  EXPECT_THAT(Texts(All(small)), ElementsAre("10"));
}

TEST_F(JobLogsTest, JobThatWasQuietForLongestGoesBeyondTheLimitOfAll) {
  JobLogs small(1, &signal_, &bytes_, {.max_bytes = 1000});
  small.AddReport(kWorker, "w", Report(7, 1, 2));
  small.AddReport(kWorker, "w", Report(7, 3, 2, kOther));
  EXPECT_THAT(All(small), IsEmpty());
  EXPECT_THAT(All(small, kOther), SizeIs(2));
  EXPECT_LE(bytes_.Value(), 1000);
}

TEST_F(JobLogsTest, JobThatSpokeAgainIsNotTheQuietest) {
  JobLogs small(1, &signal_, &bytes_, {.max_bytes = 1000});
  small.AddReport(kWorker, "w", Report(7, 1, 1));
  small.AddReport(kWorker, "w", Report(7, 2, 1, kOther));
  small.AddReport(kWorker, "w", Report(7, 3, 1));
  ASSERT_THAT(All(small, kOther), SizeIs(1)) << "three lines are within the limit";
  small.AddReport(kWorker, "w", Report(7, 4, 1));
  EXPECT_THAT(All(small, kOther), IsEmpty());
  EXPECT_THAT(Texts(All(small)), ElementsAre("1", "3", "4"));
}

TEST_F(JobLogsTest, ReportedLinesAboutNoJobThatThereIsAreLeftOut) {
  JobLogs logs(1, &signal_, &bytes_, {}, [](const std::string& job) { return job == kOther; });
  cohort::v1::LogReport report = Report(7, 1, 3);
  report.mutable_lines(1)->set_job(kOther);
  logs.AddReport(kWorker, "w", report);
  EXPECT_THAT(All(logs), IsEmpty());
  EXPECT_THAT(Texts(All(logs, kOther)), ElementsAre("2"));
}

TEST_F(JobLogsTest, ForgottenJobHasNoLinesAndCostsNothing) {
  logs_.AddReport(kWorker, "w", Report(7, 1, 2));
  logs_.Forget(kJob);
  logs_.Forget(kJob);
  EXPECT_THAT(All(logs_), IsEmpty());
  EXPECT_EQ(bytes_.Value(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
