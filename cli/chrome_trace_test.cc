// SPDX-License-Identifier: Apache-2.0
#include "cli/chrome_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "cli/timeline_records.h"

namespace cohort::cli {
namespace {

using nlohmann::json;

constexpr char kJob[] = "namespaces/default/jobs/demo";

int64_t Pid(const json& event) { return event["pid"].get<int64_t>(); }

// Two steps of three groups each, which two workers sampled, several at a time.
class ChromeTraceTest : public ::testing::Test {
 protected:
  ChromeTraceTest() {
    std::vector<cohort::v1::StoredRollouts> groups;
    for (int64_t id = 0; id < 6; ++id) {
      groups.push_back(TimedGroup(id, id % 2 == 0 ? "a" : "b", 0.7 * static_cast<double>(id), /*ahead=*/id % 2 * 100));
    }
    const Timeline timeline = BuildTimeline(kJob, {TimedStep(0, {0, 1, 2}, 10), TimedStep(1, {3, 4, 5}, 18)}, groups);
    file_ = json::parse(FormatChromeTrace(timeline));
  }
  std::vector<json> Events(const std::string& phase) const {
    std::vector<json> events;
    for (const json& event : file_["traceEvents"]) {
      if (event["ph"] == phase) events.push_back(event);
    }
    return events;
  }

  json file_;
};

TEST_F(ChromeTraceTest, EveryEventHasWhatItsKindNeeds) {
  EXPECT_EQ(file_["otherData"]["job"].get<std::string>(), kJob);
  EXPECT_EQ(file_["otherData"]["first_time"].get<std::string>(), "2023-11-14T22:13:20.000000Z");
  std::set<std::string> kinds;
  for (const json& event : file_["traceEvents"]) {
    kinds.insert(event["ph"].get<std::string>());
    EXPECT_TRUE(event["pid"].is_number_integer() && event["tid"].is_number_integer()) << event;
    EXPECT_FALSE(event["name"].get<std::string>().empty());
    if (event["ph"] != "M") {
      EXPECT_GE(event["ts"].get<double>(), 0) << event;
    }
    if (event["ph"] == "X") {
      EXPECT_GE(event["dur"].get<double>(), 0) << event;
    }
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"M", "X", "s", "t", "f"}));
}

TEST_F(ChromeTraceTest, ThereIsOneProcessForEachProcessAndEveryThreadHasAName) {
  std::map<int64_t, std::string> processes;
  std::set<std::pair<int64_t, int64_t>> named;
  for (const json& event : Events("M")) {
    if (event["name"] == "process_name") processes[Pid(event)] = event["args"]["name"].get<std::string>();
    if (event["name"] == "thread_name") named.insert({Pid(event), event["tid"].get<int64_t>()});
  }
  EXPECT_EQ(processes, (std::map<int64_t, std::string>{
                           {1, "coordinator"}, {2, "rank 0"}, {3, "rank 1"}, {4, "worker a"}, {5, "worker b"}}));
  for (const json& event : Events("X")) {
    EXPECT_EQ(named.count({Pid(event), event["tid"].get<int64_t>()}), 1u) << event;
  }
}

TEST_F(ChromeTraceTest, SpansOfAThreadNestOrDoNotTouch) {
  std::map<std::pair<int64_t, int64_t>, std::vector<std::pair<double, double>>> threads;
  for (const json& event : Events("X")) {
    const double begin = event["ts"].get<double>();
    threads[{Pid(event), event["tid"].get<int64_t>()}].emplace_back(begin, begin + event["dur"].get<double>());
  }
  constexpr double kRounding = 1e-3;  // a nanosecond
  for (const auto& [thread, spans] : threads) {
    for (const auto& [begin, end] : spans) {
      for (const auto& [other_begin, other_end] : spans) {
        const bool is_apart = end <= other_begin + kRounding || other_end <= begin + kRounding;
        const bool is_within = begin >= other_begin - kRounding && end <= other_end + kRounding;
        const bool is_around = other_begin >= begin - kRounding && other_end <= end + kRounding;
        EXPECT_TRUE(is_apart || is_within || is_around)
            << thread.first << ": " << begin << " to " << end << ", " << other_begin << " to " << other_end;
      }
    }
  }
}

TEST_F(ChromeTraceTest, EveryFlowBeginsOnceAndEndsOnce) {
  std::map<std::string, std::vector<std::string>> flows;
  for (const json& event : file_["traceEvents"]) {
    if (event.value("cat", "") == "flow")
      flows[event["id"].get<std::string>()].push_back(event["ph"].get<std::string>());
  }
  EXPECT_EQ(flows.size(), 6u);
  for (const auto& [id, kinds] : flows) EXPECT_THAT(kinds, ::testing::ElementsAre("s", "t", "f")) << id;
}

TEST_F(ChromeTraceTest, AProcessWhoseClockIsMovedSaysSo) {
  std::map<int64_t, std::string> labels;
  for (const json& event : Events("M")) {
    if (event["name"] == "process_labels") labels[Pid(event)] = event["args"]["labels"].get<std::string>();
  }
  EXPECT_THAT(labels[5], ::testing::StartsWith("clock moved by -1m"));
  EXPECT_THAT(labels[4], ::testing::StartsWith("good to "));
}

TEST(EmptyChromeTraceTest, NothingIsAFileToo) {
  const json file = json::parse(FormatChromeTrace(BuildTimeline(kJob, {}, {})));
  EXPECT_TRUE(file["traceEvents"].empty());
}

}  // namespace
}  // namespace cohort::cli
