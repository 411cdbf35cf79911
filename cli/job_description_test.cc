// SPDX-License-Identifier: Apache-2.0
#include "cli/job_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace cohort::cli {
namespace {

using ::cohort::v1::JobDescription;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

JobDescription Sample() {
  JobDescription description;
  cohort::v1::Job& job = *description.mutable_job();
  job.set_name("namespaces/team/jobs/demo");
  job.set_state(cohort::v1::JOB_STATE_RUNNING);
  job.set_policy_version(12);
  job.set_incarnation(2);
  job.mutable_create_time()->set_seconds(400);
  auto& spec = *job.mutable_spec();
  spec.mutable_rlvr()->mutable_data()->mutable_jsonl()->set_path("train.jsonl");
  spec.mutable_rlvr()->mutable_rollout()->set_group_size(8);
  spec.mutable_rlvr()->mutable_rollout()->set_groups_per_step(4);
  spec.mutable_training()->set_num_steps(60);
  spec.mutable_training()->set_world_size(2);
  spec.mutable_model()->set_from_job("warm-start");
  spec.mutable_model()->set_from_job_version(3);
  return description;
}

std::string Describe(const JobDescription& description, bool has_color = false) {
  std::ostringstream stream;
  return DescribeJob(description, absl::FromUnixSeconds(1000),
                     {.out = &stream, .err = &stream, .out_has_color = has_color});
}

TEST(JobDescriptionTest, SpecIsSummedUp) {
  EXPECT_THAT(Describe(Sample()),
              AllOf(HasSubstr("Name:          demo\n"), HasSubstr("Namespace:     team\n"),
                    HasSubstr("Model:         checkpoint of warm-start, version 3\n"),
                    HasSubstr("Data:          train.jsonl\n"), HasSubstr("4 groups of 8 per step, fixed_lag 0"),
                    HasSubstr("60 steps on 2 ranks"), HasSubstr("Step:          12 of 60\n"),
                    HasSubstr("Created:       1970-01-01T00:06:40Z (10m ago)\n")));
}

TEST(JobDescriptionTest, ModelInBf16IsToldSo) {
  JobDescription description = Sample();
  description.mutable_job()->mutable_spec()->mutable_model()->set_precision(cohort::v1::MODEL_PRECISION_BF16);
  EXPECT_THAT(Describe(description), HasSubstr("Model:         checkpoint of warm-start, version 3, in bf16\n"));
}

TEST(JobDescriptionTest, StallTellsWhoWaitsForWhatAndSinceWhen) {
  JobDescription description = Sample();
  description.mutable_job()->set_waits_for("rollout workers to claim 12 groups");
  description.mutable_job()->mutable_waits_since()->set_seconds(955);
  auto* condition = description.mutable_job()->add_conditions();
  condition->set_type(cohort::v1::JobCondition::STALLED);
  condition->set_message("rollout workers have claimed nothing");
  condition->mutable_since()->set_seconds(985);
  const std::string text = Describe(description);
  EXPECT_THAT(text, HasSubstr("rollout workers to claim 12 groups, since 1970-01-01T00:15:55Z (45s ago)"));
  EXPECT_THAT(text, HasSubstr("STALLED  1970-01-01T00:16:25Z (15s ago)  rollout workers have claimed nothing"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
  EXPECT_THAT(Describe(description, /*has_color=*/true), HasSubstr("\033[31mrollout workers have claimed"));
}

TEST(JobDescriptionTest, BudgetCountsFromTheLastResume) {
  JobDescription description = Sample();
  description.mutable_job()->mutable_spec()->mutable_budget()->set_tokens(1000);
  description.mutable_job()->mutable_use()->set_tokens(1500);
  description.mutable_job()->mutable_use()->mutable_wall_time()->set_seconds(90);
  description.mutable_job()->mutable_use_at_resume()->set_tokens(1200);
  EXPECT_THAT(Describe(description), AllOf(HasSubstr("tokens          1500  300        1000"),
                                           HasSubstr("wall time       1:30  -          -")));
}

TEST(JobDescriptionTest, WhatDoesNotApplyIsLeftOut) {
  EXPECT_THAT(Describe(Sample()),
              AllOf(Not(HasSubstr("Conditions")), Not(HasSubstr("Dropped")), Not(HasSubstr("Rescore")),
                    Not(HasSubstr("Place in queue")), Not(HasSubstr("Waits for")), Not(HasSubstr("Recent events"))));
}

TEST(JobDescriptionTest, EvaluationsDroppedGroupsCheckpointsAndEventsAreListed) {
  JobDescription description = Sample();
  description.mutable_job()->set_queue_position(2);
  auto* evaluation = description.mutable_job()->add_evaluations();
  evaluation->set_run("sampled");
  evaluation->set_accuracy(0.5);
  (*evaluation->mutable_pass_at_k())[4] = 0.75;
  (*description.mutable_job()->mutable_dropped_groups())["stale"] = 3;
  for (int64_t version : {20, 10}) {
    auto* best = description.mutable_job()->add_best_versions();
    best->set_policy_version(version);
    best->set_accuracy(0.025 * static_cast<double>(version));
  }
  description.add_checkpoints()->set_path("/run/demo/10");
  description.add_events()->mutable_time()->set_seconds(990);
  description.mutable_events(0)->mutable_step()->set_policy_version(12);
  description.add_events()->set_notice("rank 1 was lost");
  EXPECT_THAT(Describe(description),
              AllOf(HasSubstr("sampled  0        0.5000"), HasSubstr("pass@4=0.7500"), HasSubstr("stale   3"),
                    HasSubstr("/run/demo/10"), HasSubstr("10s  step 12 of 0"), HasSubstr("notice: rank 1 was lost"),
                    HasSubstr("Place in queue:  2"), HasSubstr("Best versions:   20 (0.5000), 10 (0.2500)")));
}

TEST(JobDescriptionTest, RescoreJobNamesItsSourceAndResult) {
  JobDescription description = Sample();
  auto* rescore = description.mutable_job()->mutable_spec()->mutable_rescore();
  rescore->set_job("train");
  rescore->set_first_step(2);
  rescore->set_last_step(10);
  description.mutable_job()->mutable_rescore()->set_num_groups(32);
  description.mutable_job()->mutable_rescore()->set_unchanged_share(0.25);
  EXPECT_THAT(Describe(description), AllOf(HasSubstr("job train, steps 2 to 9"), HasSubstr("32"), HasSubstr("25.0 %"),
                                           Not(HasSubstr("Step:")), Not(HasSubstr("Model:"))));
}

}  // namespace
}  // namespace cohort::cli
