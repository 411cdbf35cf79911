// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/testing/status_matchers.h"

namespace cohort {
namespace {

using ::cohort::common::StatusIs;
using ::testing::HasSubstr;

std::string StderrOf(const std::function<void()>& action) {
  ::testing::internal::CaptureStderr();
  action();
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, LineHasTimeLevelComponentEventAndFields) {
  ASSERT_OK(log::Configure("cohort-learner", "info"));
  const std::string line = StderrOf([] {
    log::Info("step_committed",
              {{"job", "namespaces/default/jobs/a"}, {"version", 3}, {"loss", 0.5}, {"sealed", true}});
  });
  EXPECT_THAT(line, ::testing::MatchesRegex(
                        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info cohort-learner "
                        "step_committed job=namespaces/default/jobs/a version=3 loss=0.5 sealed=true\n"));
}

TEST(LogTest, HostileValueStaysOnItsLine) {
  const std::string line = StderrOf([] {
    log::Warning("x", {{"text", "a \"b\"\nlevel=error"}, {"empty", ""}, {"plain", "a/b:c"}});
  });
  EXPECT_THAT(line, ::testing::EndsWith(" x text=\"a \\\"b\\\"\\nlevel=error\" empty=\"\" plain=a/b:c\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(LogTest, BrokenUtf8IsEscaped) {
  EXPECT_THAT(StderrOf([] {
                log::Info("x", {{"bad", "\xFF"}, {"good", "\xC3\xA9"}});
              }),
              ::testing::EndsWith(" x bad=\"\\377\" good=\xC3\xA9\n"));
}

TEST(LogTest, ControlsThatTerminalsObeyAreEscaped) {
  EXPECT_THAT(StderrOf([] {
                log::Info("x", {{"bad",
                                 "\xC2\x9B"
                                 "2J"}});
              }),
              ::testing::EndsWith(" x bad=\"\\302\\2332J\"\n"));
}

TEST(LogTest, EndlessValueIsCut) {
  const std::string line = StderrOf([] { log::Info("x", {{"text", std::string(100'000, 'a')}}); });
  EXPECT_LT(line.size(), 9000);
  EXPECT_THAT(line, ::testing::EndsWith("aaa...\n"));
}

TEST(LogTest, StatusIsAField) {
  const std::string line = StderrOf([] { log::Error("x", {{"status", absl::NotFoundError("no file")}}); });
  EXPECT_THAT(line, HasSubstr("status=\"NOT_FOUND: no file\""));
}

TEST(LogTest, LevelsBelowTheConfiguredAreSilent) {
  ASSERT_OK(log::Configure("c", "warning"));
  EXPECT_EQ(StderrOf([] { log::Info("x"); }), "");
  EXPECT_THAT(StderrOf([] { log::Warning("x"); }), HasSubstr(" warning c x\n"));
  ASSERT_OK(log::Configure("c", "debug"));
  EXPECT_THAT(StderrOf([] { log::Debug("x"); }), HasSubstr(" debug c x\n"));
}

TEST(LogTest, UnknownLevelIsRefusedByName) {
  EXPECT_THAT(log::Configure("c", "verbose"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("verbose")));
}

TEST(LogTest, LinesOfManyThreadsDoNotMix) {
  ASSERT_OK(log::Configure("c", "info"));
  const std::string padding(500, 'x');
  const std::string output = StderrOf([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 100; ++j) log::Info("tick", {{"padding", padding}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  const std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipEmpty());
  EXPECT_EQ(lines.size(), 800);
  for (const std::string& line : lines) ASSERT_THAT(line, ::testing::EndsWith(" info c tick padding=" + padding));
}

}  // namespace
}  // namespace cohort
