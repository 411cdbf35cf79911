// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_STEP_FIXTURE_H_
#define COHORT_LEARNER_TESTING_STEP_FIXTURE_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cohort/v1/learner_service.pb.h"
#include "learner/batch/plan_split.h"
#include "learner/step_payload.h"
#include "learner/testing/tiny_model.h"

namespace cohort::learner {

// A whole step: the plan and the payload of all ranks, from which each gets its part.
struct WholeStep {
  cohort::v1::StepPlan plan;
  std::vector<cohort::v1::RolloutGroup> groups;
  std::vector<cohort::v1::Demonstration> demonstrations;

  StepPayload ForRank(int rank, int world_size) const {
    StepPayload payload;
    payload.plan = plan;
    for (int64_t i : GroupsOfRank({.begin = 0, .end = plan.groups_size()}, rank, world_size)) {
      if (!groups.empty()) payload.groups.push_back(groups[i]);
      if (!demonstrations.empty()) payload.demonstrations.push_back(demonstrations[i]);
    }
    return payload;
  }
};

// Groups of random tokens with random rewards; a pure function of the version.
inline WholeStep MakeRolloutStep(int64_t version, int num_groups, int group_size) {
  std::mt19937 random(static_cast<uint32_t>(version) + 100);
  WholeStep step;
  step.plan.set_version(version);
  step.plan.set_action(cohort::v1::STEP_ACTION_TRAIN);
  for (int g = 0; g < num_groups; ++g) {
    cohort::v1::PlannedGroup* planned = step.plan.add_groups();
    cohort::v1::RolloutGroup& group = step.groups.emplace_back();
    planned->set_group_id(version * 100 + g);
    group.set_group_id(planned->group_id());
    for (uint32_t i = 0; i < 2 + random() % 6; ++i) group.add_prompt_token_ids(2 + random() % 51);
    planned->set_prompt_tokens(group.prompt_token_ids_size());
    for (int s = 0; s < group_size; ++s) {
      cohort::v1::Rollout* rollout = group.add_rollouts();
      const int num_tokens = 1 + static_cast<int>(random() % 9);
      for (int i = 0; i < num_tokens; ++i) {
        rollout->add_token_ids(2 + random() % 51);
        rollout->add_behavior_logprobs(-1.0f);
      }
      planned->add_completion_tokens(num_tokens);
      planned->add_rewards(static_cast<double>(random() % 2));
      planned->add_outcomes(cohort::v1::SCORE_OUTCOME_GRADED);
    }
  }
  return step;
}

// Demonstrations that repeat a letter: easy to learn.
inline WholeStep MakeDemonstrationStep(int64_t version, int num_demonstrations) {
  std::mt19937 random(static_cast<uint32_t>(version) + 7);
  WholeStep step;
  step.plan.set_version(version);
  step.plan.set_action(cohort::v1::STEP_ACTION_TRAIN);
  for (int i = 0; i < num_demonstrations; ++i) {
    const std::string letter(1, static_cast<char>('a' + random() % 6));
    cohort::v1::Demonstration& demonstration = step.demonstrations.emplace_back();
    demonstration.set_problem_id(i);
    demonstration.set_prompt(absl::StrCat(letter, letter, "="));
    demonstration.set_completion(std::string(1 + random() % 4, letter[0]));
    step.plan.add_groups()->set_group_id(i);
  }
  return step;
}

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_STEP_FIXTURE_H_
