// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/sample_group.h"

namespace cohort::coordinator {
namespace {

// Judges what the assignment brings along.
void Rescore(const cohort::v1::GroupAssignment& assignment, const FakeScore& score, cohort::v1::RolloutGroup* group) {
  for (const cohort::v1::Rollout& stored : assignment.stored().rollouts()) {
    cohort::v1::Rollout& rollout = *group->add_rollouts();
    rollout = stored;
    rollout.set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
    score(assignment, stored.sibling(), &rollout);
    cohort::v1::Score& only = *rollout.add_scores();
    only.set_verifier("again");
    only.set_outcome(rollout.outcome());
    only.set_value(rollout.reward());
  }
}

}  // namespace

cohort::v1::RolloutGroup SampleGroup(const cohort::v1::GroupAssignment& assignment, const FakeScore& score) {
  cohort::v1::RolloutGroup group;
  group.set_job(assignment.job());
  group.set_group_id(assignment.group_id());
  group.set_purpose(assignment.purpose());
  group.set_evaluation_run(assignment.evaluation_run());
  group.set_problem_id(assignment.problem().problem_id());
  group.set_epoch(assignment.epoch());
  group.set_attempt(assignment.lease().attempt());
  group.set_policy_version(assignment.policy_version());
  if (assignment.purpose() == cohort::v1::GROUP_PURPOSE_RESCORE) {
    Rescore(assignment, score, &group);
    return group;
  }
  group.add_prompt_token_ids(7);
  for (int sibling = 0; sibling < assignment.group_size(); ++sibling) {
    cohort::v1::Rollout& rollout = *group.add_rollouts();
    rollout.set_sibling(sibling);
    for (int token = 0; token < 2 + sibling; ++token) {
      rollout.add_token_ids(token);
      rollout.add_behavior_logprobs(-0.5F);
    }
    rollout.set_finish_reason(cohort::v1::FINISH_REASON_EOS);
    rollout.set_text("4");
    rollout.set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
    score(assignment, sibling, &rollout);
  }
  group.mutable_generation_time()->set_nanos(500000000);
  return group;
}

FakeScore FirstSiblingIsRight() {
  return [](const cohort::v1::GroupAssignment&, int sibling, cohort::v1::Rollout* rollout) {
    rollout->set_reward(sibling == 0 ? 1 : 0);
  };
}

FakeScore AllRight() {
  return [](const cohort::v1::GroupAssignment&, int, cohort::v1::Rollout* rollout) { rollout->set_reward(1); };
}

}  // namespace cohort::coordinator
