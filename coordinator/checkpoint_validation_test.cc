// SPDX-License-Identifier: Apache-2.0
#include "coordinator/checkpoint_validation.h"

#include <functional>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

cohort::v1::EvaluationSpec EvaluationEvery(int64_t every_steps) {
  cohort::v1::EvaluationSpec evaluation;
  evaluation.set_every_steps(every_steps);
  for (const char* name : {"sampled", "greedy"}) evaluation.add_runs()->set_name(name);
  return evaluation;
}

// What keeps all it can, with evaluations every 20 steps.
cohort::v1::CheckpointSpec Full() {
  cohort::v1::CheckpointSpec checkpoint;
  checkpoint.set_every_steps(10);
  checkpoint.set_keep_last(3);
  checkpoint.set_keep_every(100);
  checkpoint.set_keep_best(2);
  checkpoint.set_keep_best_by("greedy");
  return checkpoint;
}

TEST(CheckpointValidationTest, DefaultsAreTheLastTwoAndTheFirstRun) {
  cohort::v1::CheckpointSpec checkpoint;
  ASSERT_OK(ResolveCheckpoint({}, &checkpoint));
  EXPECT_EQ(checkpoint.keep_last(), 2);
  EXPECT_EQ(checkpoint.keep_best_by(), "");
  checkpoint = Full();
  checkpoint.clear_keep_best_by();
  ASSERT_OK(ResolveCheckpoint(EvaluationEvery(20), &checkpoint));
  EXPECT_EQ(checkpoint.keep_best_by(), "sampled");
}

TEST(CheckpointValidationTest, WhatIsCompleteIsLeftAsItIs) {
  cohort::v1::CheckpointSpec checkpoint = Full();
  ASSERT_OK(ResolveCheckpoint(EvaluationEvery(20), &checkpoint));
  EXPECT_EQ(checkpoint.SerializeAsString(), Full().SerializeAsString());
}

struct BadCase {
  std::string name;
  std::string field;
  std::string value;
  int64_t evaluation_every_steps;
  std::function<void(cohort::v1::CheckpointSpec*)> change;
};

class CheckpointValidationBadCaseTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(CheckpointValidationBadCaseTest, IsRefusedByFieldAndValue) {
  cohort::v1::CheckpointSpec checkpoint = Full();
  GetParam().change(&checkpoint);
  EXPECT_THAT(ResolveCheckpoint(EvaluationEvery(GetParam().evaluation_every_steps), &checkpoint),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(GetParam().field + ": "), HasSubstr("(" + GetParam().value + ")"))));
}

INSTANTIATE_TEST_SUITE_P(
    All, CheckpointValidationBadCaseTest,
    ::testing::Values(BadCase{"NegativeKeepEvery", "keep_every", "-1", 20, [](auto* c) { c->set_keep_every(-1); }},
                      BadCase{"KeepsWhatIsNotSealed", "keep_every", "15", 20, [](auto* c) { c->set_keep_every(15); }},
                      BadCase{"KeepEveryOfOneAtTheEnd", "keep_every", "100", 20,
                              [](auto* c) { c->clear_every_steps(); }},
                      BadCase{"NegativeKeepBest", "keep_best", "-1", 20, [](auto* c) { c->set_keep_best(-1); }},
                      BadCase{"KeepBestOfTooMany", "keep_best", "101", 20, [](auto* c) { c->set_keep_best(101); }},
                      BadCase{"KeepBestWithoutEvaluations", "keep_best", "2", 0, [](auto*) {}},
                      BadCase{"EvaluatesWhatIsNotSealed", "keep_best", "2", 15, [](auto*) {}},
                      BadCase{"UnknownRun", "keep_best_by", "none", 20, [](auto* c) { c->set_keep_best_by("none"); }},
                      BadCase{"RunForNothing", "keep_best_by", "greedy", 20, [](auto* c) { c->clear_keep_best(); }}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace cohort::coordinator
