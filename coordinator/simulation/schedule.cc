// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/schedule.h"

#include <algorithm>

#include "common/testing/seeded_random.h"
#include "coordinator/testing/job_builder.h"

namespace cohort::coordinator {
namespace {

cohort::v1::JobSpec RandomSpec(common::SeededRandom* random) {
  const bool is_sft = random->Chance(100);
  cohort::v1::JobSpec spec = is_sft ? SmallSftSpec() : SmallRlvrSpec();
  spec.mutable_training()->set_num_steps(random->Between(2, 4));
  spec.mutable_training()->set_world_size(random->Chance(400) ? 2 : 1);
  spec.mutable_checkpoint()->set_every_steps(random->Between(0, 2));
  if (is_sft) {
    spec.mutable_sft()->set_sequences_per_step(2);
    return spec;
  }
  cohort::v1::RolloutSpec& rollout = *spec.mutable_rlvr()->mutable_rollout();
  rollout.set_groups_per_step(random->Between(2, 3));
  const bool is_by_arrival = random->Chance(500);
  if (is_by_arrival) rollout.set_max_lag(static_cast<int32_t>(random->Between(0, 3)));
  if (!is_by_arrival) rollout.set_fixed_lag(static_cast<int32_t>(random->Between(0, 2)));
  // What replaces a group is sampled by the newest version (objective_resolution.cc).
  const bool may_replace = rollout.fixed_lag() == 0;
  if (may_replace && random->Chance(200)) {
    cohort::v1::DynamicSamplingSpec& dynamic = *spec.mutable_objective()->mutable_dynamic_sampling();
    dynamic.set_enabled(true);
    dynamic.set_max_rounds(1000);  // stale groups count, too: faults alone must not fail the job
  }
  // Most schedules leave no group out, so that the result is that of an undisturbed run.
  rollout.set_max_attempts(random->Chance(200) ? 2 : 100);
  if (random->Chance(250)) {
    AddEvaluation("held-out", /*samples=*/1, /*min_final_accuracy=*/0, &spec);
    spec.mutable_evaluation()->set_every_steps(random->Between(0, 1));
  }
  return spec;
}

}  // namespace

Schedule RandomSchedule(uint64_t seed) {
  common::SeededRandom random(seed);
  Schedule schedule;
  schedule.seed = seed;
  schedule.spec = RandomSpec(&random);
  schedule.num_workers = static_cast<int>(random.Between(1, 3));
  schedule.num_learners = static_cast<int>(schedule.spec.training().world_size() + random.Between(0, 1));
  schedule.duration_of_faults = absl::Seconds(random.Between(5, 40));
  // A half of the faults at a time, each often or seldom: together they would hide each other.
  const auto rate = [&random](int64_t seldom, int64_t often) {
    return random.Chance(500) ? 0 : random.Chance(500) ? seldom : often;
  };
  schedule.lost_calls = rate(20, 200);
  schedule.duplicated_calls = rate(20, 200);
  schedule.slow_calls = rate(10, 100);
  schedule.coordinator_deaths = rate(50, 250);
  schedule.coordinator_stops = rate(20, 80);
  schedule.worker_deaths = rate(30, 150);
  schedule.worker_stops = rate(20, 100);
  schedule.learner_deaths = rate(30, 150);
  schedule.learner_stops = rate(20, 80);
  schedule.garbage = rate(50, 300);
  schedule.releases = rate(30, 150);
  schedule.sync_errors = rate(5, 50);
  schedule.full_disks = rate(20, 80);
  schedule.damaged_checkpoints = rate(50, 300);
  schedule.clock_changes = rate(50, 200);
  schedule.cancels = random.Chance(100) ? 40 : 0;
  schedule.pauses = rate(50, 200);
  return schedule;
}

Schedule UndisturbedSchedule(const cohort::v1::JobSpec& spec) {
  Schedule schedule;
  schedule.spec = spec;
  // Unset means one rank.
  schedule.num_learners = std::max(1, spec.training().world_size());
  return schedule;
}

}  // namespace cohort::coordinator
