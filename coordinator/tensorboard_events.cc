// SPDX-License-Identifier: Apache-2.0
#include "coordinator/tensorboard_events.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "cohort/v1/tensorboard.pb.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/step_metric_table.h"
#include "rollout_log/crc32c.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::TensorBoardEvent;

constexpr char kFileVersion[] = "brain.Event:2";

std::string LittleEndian(uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
  return bytes;
}

// A CRC of bytes that themselves hold CRCs would be a weak one, so TFRecord rotates and shifts it.
std::string MaskedCrc(std::string_view bytes) {
  const uint32_t crc = rollout_log::Crc32c(bytes);
  return LittleEndian(static_cast<uint32_t>(((crc >> 15) | (crc << 17)) + 0xa282ead8u), 4);
}

std::string Frame(const TensorBoardEvent& event) {
  const std::string content = DeterministicBytes(event);
  const std::string length = LittleEndian(content.size(), 8);
  return absl::StrCat(length, MaskedCrc(length), content, MaskedCrc(content));
}

double WallTime(const cohort::v1::JobEvent& event) {
  return static_cast<double>(google::protobuf::util::TimeUtil::TimestampToNanoseconds(event.time())) * 1e-9;
}

void AddValue(const std::string& tag, double value, TensorBoardEvent* event) {
  cohort::v1::TensorBoardSummary::Value& added = *event->mutable_summary()->add_value();
  added.set_tag(tag);
  // A finite value beyond the range of float has no conversion.
  constexpr double kLargest = std::numeric_limits<float>::max();
  added.set_simple_value(static_cast<float>(std::isfinite(value) ? std::clamp(value, -kLargest, kLargest) : value));
}

void AddStep(const cohort::v1::StepReport& step, TensorBoardEvent* event) {
  event->set_step(step.policy_version());
  event->mutable_summary();
  const std::map<std::string, double> sorted(step.metrics().begin(), step.metrics().end());
  for (const auto& [name, value] : sorted) AddValue(PlotTag(name), value, event);
}

void AddEvaluation(const cohort::v1::EvaluationResult& result, TensorBoardEvent* event) {
  const std::string group = absl::StrCat("evaluation/", result.run(), "/");
  event->set_step(result.policy_version());
  AddValue(group + "accuracy", result.accuracy(), event);
  AddValue(group + "mean_reward", result.mean_reward(), event);
  AddValue(group + "mean_completion_tokens", result.mean_completion_tokens(), event);
  AddValue(group + "num_completions", static_cast<double>(result.num_completions()), event);
  AddValue(group + "num_no_verdict", static_cast<double>(result.num_no_verdict()), event);
  const std::map<int32_t, double> passes(result.pass_at_k().begin(), result.pass_at_k().end());
  for (const auto& [k, value] : passes) AddValue(absl::StrCat(group, "pass_at_", k), value, event);
  const std::map<std::string, double> values(result.mean_values().begin(), result.mean_values().end());
  for (const auto& [verifier, value] : values) AddValue(absl::StrCat(group, "value/", verifier), value, event);
}

}  // namespace

std::string TensorBoardFrames(const std::vector<cohort::v1::JobEvent>& events) {
  std::string frames;
  for (const cohort::v1::JobEvent& event : events) {
    TensorBoardEvent shown;
    shown.set_wall_time(WallTime(event));
    if (event.has_step()) AddStep(event.step(), &shown);
    if (event.has_evaluation()) AddEvaluation(event.evaluation().result(), &shown);
    if (shown.has_summary()) frames += Frame(shown);
  }
  return frames;
}

std::string TensorBoardHeader(const std::vector<cohort::v1::JobEvent>& events) {
  for (const cohort::v1::JobEvent& event : events) {
    if (!event.has_step() && !event.has_evaluation()) continue;
    TensorBoardEvent first;
    first.set_wall_time(WallTime(event));
    first.set_file_version(kFileVersion);
    return Frame(first);
  }
  return "";
}

}  // namespace cohort::coordinator
