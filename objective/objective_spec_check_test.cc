// SPDX-License-Identifier: Apache-2.0
#include "objective/objective_spec_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

namespace cohort::objective {
namespace {

using cohort::v1::ObjectiveSpec;

std::string ErrorOf(const std::function<void(ObjectiveSpec*)>& change) {
  ObjectiveSpec spec;
  change(&spec);
  const absl::Status status = CheckObjectiveSpec(spec);
  return status.ok() ? "" : std::string(status.message());
}

TEST(ObjectiveSpecCheckTest, DefaultsPass) {
  EXPECT_EQ(ErrorOf([](ObjectiveSpec* spec) { spec->mutable_grpo(); }), "");
  EXPECT_EQ(ErrorOf([](ObjectiveSpec* spec) { spec->mutable_sft(); }), "");
}

TEST(ObjectiveSpecCheckTest, ZeroClipBoundsPass) {
  EXPECT_EQ(ErrorOf([](ObjectiveSpec* spec) { spec->mutable_grpo()->set_clip_low(0); }), "");
}

TEST(ObjectiveSpecCheckTest, OutOfRangeFieldIsNamedWithItsValue) {
  const std::string low = ErrorOf([](ObjectiveSpec* spec) { spec->mutable_grpo()->set_clip_low(1.5); });
  EXPECT_NE(low.find("grpo.clip_low"), std::string::npos) << low;
  EXPECT_NE(low.find("1.5"), std::string::npos) << low;
  const std::string high = ErrorOf([](ObjectiveSpec* spec) { spec->mutable_grpo()->set_clip_high(-0.25); });
  EXPECT_NE(high.find("grpo.clip_high"), std::string::npos) << high;
  EXPECT_NE(high.find("-0.25"), std::string::npos) << high;
  const std::string epsilon = ErrorOf([](ObjectiveSpec* spec) { spec->mutable_grpo()->set_advantage_epsilon(NAN); });
  EXPECT_NE(epsilon.find("grpo.advantage_epsilon"), std::string::npos) << epsilon;
}

TEST(ObjectiveSpecCheckTest, UnknownEnumNumberIsRefused) {
  const std::string error = ErrorOf(
      [](ObjectiveSpec* spec) { spec->mutable_sft()->set_loss_reduction(static_cast<cohort::v1::LossReduction>(9)); });
  EXPECT_NE(error.find("sft.loss_reduction"), std::string::npos) << error;
}

TEST(ObjectiveSpecCheckTest, MissingObjectiveIsRefused) {
  EXPECT_NE(ErrorOf([](ObjectiveSpec*) {}).find("objective"), std::string::npos);
}

}  // namespace
}  // namespace cohort::objective
