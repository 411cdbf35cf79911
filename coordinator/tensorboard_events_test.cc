// SPDX-License-Identifier: Apache-2.0
#include "coordinator/tensorboard_events.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>

#include "absl/strings/escaping.h"
#include "cohort/v1/tensorboard.pb.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Pair;

// 2026-01-01.
cohort::v1::JobEvent StepEvent(int64_t version, const std::map<std::string, double>& metrics) {
  cohort::v1::JobEvent event;
  event.mutable_time()->set_seconds(1767225600);
  event.mutable_step()->set_policy_version(version);
  event.mutable_step()->mutable_metrics()->insert(metrics.begin(), metrics.end());
  return event;
}

// The events behind the frames, whose lengths must be right.
std::vector<cohort::v1::TensorBoardEvent> Unframed(const std::string& frames) {
  std::vector<cohort::v1::TensorBoardEvent> events;
  for (size_t at = 0; at < frames.size();) {
    size_t length = 0;
    for (size_t i = 8; i-- > 0;) length = length * 256 + static_cast<unsigned char>(frames.at(at + i));
    EXPECT_TRUE(events.emplace_back().ParseFromString(frames.substr(at + 12, length)));
    at += 12 + length + 4;
    EXPECT_LE(at, frames.size());
  }
  return events;
}

std::map<std::string, float> Values(const cohort::v1::TensorBoardEvent& event) {
  std::map<std::string, float> values;
  for (const auto& value : event.summary().value()) values[value.tag()] = value.simple_value();
  return values;
}

// What TensorFlow's own writer begins a file with; the length and its checksum are the first twelve bytes of every one.
TEST(TensorBoardEventsTest, HeaderHasTheBytesOfTensorFlow) {
  EXPECT_EQ(absl::BytesToHexString(TensorBoardHeader({StepEvent(3, {})})),
            "1800000000000000a37f4b22"
            "09000000406e55da411a0d627261696e2e4576656e743a32"
            "c3486dfc");
  EXPECT_EQ(TensorBoardHeader({}), "");
}

TEST(TensorBoardEventsTest, FrameOfAStepHasItsScalars) {
  EXPECT_EQ(absl::BytesToHexString(TensorBoardFrames({StepEvent(3, {{"reward_mean", 0.5}})})),
            "2800000000000000ff70164a"
            "09000000406e55da4110032a1b0a190a127265776172642f7265776172645f6d65616e150000003f"
            "fd68f875");
}

TEST(TensorBoardEventsTest, OnlyStepsAndEvaluationsHaveFrames) {
  cohort::v1::JobEvent notice;
  notice.set_notice("for people");
  EXPECT_EQ(TensorBoardFrames({notice}), "");
  EXPECT_EQ(TensorBoardHeader({notice}), "");
  const auto events = Unframed(TensorBoardFrames({StepEvent(1, {{"loss", 2}}), notice, StepEvent(2, {{"own", -1}})}));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].step(), 2);
  EXPECT_THAT(Values(events[0]), Contains(Pair("loss/loss", 2)));
  EXPECT_THAT(Values(events[1]), Contains(Pair("other/own", -1))) << "that no table knows";
}

TEST(TensorBoardEventsTest, ValuesBeyondFloatAreItsLargestAndInfinitiesStay) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto events =
      Unframed(TensorBoardFrames({StepEvent(1, {{"high", 1e300}, {"low", -1e300}, {"off", kInfinity}})}));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(Values(events[0]), Contains(Pair("other/high", kLargest)));
  EXPECT_THAT(Values(events[0]), Contains(Pair("other/low", -kLargest)));
  EXPECT_THAT(Values(events[0]), Contains(Pair("other/off", std::numeric_limits<float>::infinity())));
}

TEST(TensorBoardEventsTest, EvaluationIsShownUnderItsRun) {
  cohort::v1::JobEvent event;
  cohort::v1::EvaluationResult& result = *event.mutable_evaluation()->mutable_result();
  result.set_run("greedy");
  result.set_policy_version(7);
  result.set_accuracy(0.75);
  (*result.mutable_pass_at_k())[4] = 0.5;
  (*result.mutable_mean_values())["format"] = 0.25;
  const auto events = Unframed(TensorBoardFrames({event}));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].step(), 7);
  const auto values = Values(events[0]);
  EXPECT_THAT(values, Contains(Pair("evaluation/greedy/accuracy", 0.75)));
  EXPECT_THAT(values, Contains(Pair("evaluation/greedy/pass_at_4", 0.5)));
  EXPECT_THAT(values, Contains(Pair("evaluation/greedy/value/format", 0.25)));
  EXPECT_THAT(values, Contains(Key("evaluation/greedy/num_no_verdict")));
}

}  // namespace
}  // namespace cohort::coordinator
