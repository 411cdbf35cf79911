// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/recent_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/utf8.h"

namespace cohort::log {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kPlenty = 1 << 20;

// Collects what is logged while it lives.
class RecentLinesTest : public ::testing::Test {
 protected:
  RecentLinesTest() {
    SetListener([this](const Line& line) { lines_.Add(line); });
  }
  ~RecentLinesTest() override { SetListener(nullptr); }

  std::vector<int64_t> Numbers(size_t max_lines = 1000, int64_t max_bytes = kPlenty) const {
    std::vector<int64_t> numbers;
    for (const RecentLine& line : lines_.Oldest(max_lines, max_bytes)) numbers.push_back(line.number);
    return numbers;
  }

  RecentLines lines_{"job", /*max_bytes=*/20'000};
};

TEST_F(RecentLinesTest, LineIsKeptUnderItsSubjectWithoutIt) {
  const absl::Time before = absl::Now();
  Warning("lease_lost", {{"job", "jobs/a"}, {"group", 7}, {"reason", "too late"}});
  const std::vector<RecentLine> lines = lines_.Oldest(10, kPlenty);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].number, 1);
  EXPECT_GE(lines[0].time, before);
  EXPECT_EQ(lines[0].level, Level::kWarning);
  EXPECT_EQ(lines[0].subject, "jobs/a");
  EXPECT_EQ(lines[0].text, "lease_lost group=7 reason=\"too late\"");
}

TEST_F(RecentLinesTest, LinesWithoutASubjectAreNotKept) {
  Info("serving", {{"worker", "a"}});
  Info("odd", {{"job", ""}});
  Info("odd", {{"job", std::string(300, 'a')}});
  Info("odd", {{"job", "\xFF"}});
  Debug("below_the_level", {{"job", "a"}});
  EXPECT_THAT(Numbers(), IsEmpty());
}

TEST_F(RecentLinesTest, LinesStayUntilTheyHaveArrived) {
  for (int i = 0; i < 4; ++i) Info("tick", {{"job", "a"}, {"i", i}});
  EXPECT_THAT(Numbers(/*max_lines=*/2), ElementsAre(1, 2));
  EXPECT_THAT(Numbers(/*max_lines=*/2), ElementsAre(1, 2)) << "again, until they have arrived";
  lines_.RemoveThrough(2);
  EXPECT_THAT(Numbers(), ElementsAre(3, 4));
  lines_.RemoveThrough(0);
  EXPECT_THAT(Numbers(), ElementsAre(3, 4));
}

TEST_F(RecentLinesTest, BytesOfOneFetchAreBoundedButOneLineIsAlwaysThere) {
  for (int i = 0; i < 4; ++i) Info("tick", {{"job", "a"}, {"text", std::string(1000, 'x')}});
  EXPECT_THAT(Numbers(1000, /*max_bytes=*/2500), ElementsAre(1, 2));
  EXPECT_THAT(Numbers(1000, /*max_bytes=*/1), ElementsAre(1));
}

TEST_F(RecentLinesTest, OldestLinesGoAndNumbersTell) {
  for (int i = 0; i < 100; ++i) Info("tick", {{"job", "a"}, {"text", std::string(1000, 'x')}});
  const std::vector<int64_t> numbers = Numbers();
  ASSERT_THAT(numbers, ::testing::Not(IsEmpty()));
  EXPECT_LE(numbers.size(), 20u);
  EXPECT_EQ(numbers.back(), 100);
  EXPECT_EQ(numbers.front(), 101 - static_cast<int64_t>(numbers.size()));
}

TEST_F(RecentLinesTest, EndlessLineIsCutAndStaysUtf8) {
  const std::string text(6000, 'x');
  Info("long", {{"job", "a"}, {"one", text}, {"two", "\xC3\xA9" + text}});
  const std::vector<RecentLine> lines = lines_.Oldest(1, kPlenty);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_LE(lines[0].text.size(), size_t{8} << 10);
  EXPECT_THAT(lines[0].text, EndsWith("..."));
  EXPECT_TRUE(common::IsValidUtf8(lines[0].text));
}

TEST_F(RecentLinesTest, ListenerThatWasTakenAwayIsNotCalledAnyMore) {
  SetListener(nullptr);
  Info("tick", {{"job", "a"}});
  EXPECT_THAT(Numbers(), IsEmpty());
}

TEST_F(RecentLinesTest, LinesOfManyThreadsAreNumberedOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 20; ++j) Info("tick", {{"job", "a"}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<int64_t> numbers = Numbers();
  ASSERT_THAT(numbers, SizeIs(80));
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], static_cast<int64_t>(i) + 1);
}

TEST(RecentLinesIdTest, EveryStartHasItsOwn) {
  EXPECT_NE(RecentLines("job").start_id(), RecentLines("job").start_id());
}

}  // namespace
}  // namespace cohort::log
