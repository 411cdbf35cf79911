// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_QUEUE_BUILDER_H_
#define COHORT_COORDINATOR_TESTING_QUEUE_BUILDER_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/job_queue.h"

namespace cohort::coordinator {

// Puts snapshots of the queue together: jobs in order of age, running ones with the learners of their gang. Not
// thread-safe.
class QueueBuilder final {
 public:
  // A job that waits; named "<namespace>/<number>", numbers from 1.
  JobDemand& Queued(const std::string& name_space, int32_t world_size, int32_t priority = 0) {
    const int64_t sequence = static_cast<int64_t>(snapshot_.jobs.size()) + 1;
    snapshot_.jobs.push_back({.job = absl::StrCat(name_space, "/", sequence),
                              .name_space = name_space,
                              .sequence = sequence,
                              .state = cohort::v1::JOB_STATE_QUEUED,
                              .priority = priority,
                              .world_size = world_size,
                              .may_start = true});
    return snapshot_.jobs.back();
  }
  // A job that runs on learners of this device.
  JobDemand& Running(const std::string& name_space, int32_t world_size, int32_t priority = 0,
                     const DeviceOffer& offer = {.device = "cpu", .memory_bytes = 8}) {
    JobDemand& job = Queued(name_space, world_size, priority);
    job.state = cohort::v1::JOB_STATE_RUNNING;
    job.may_start = false;
    job.holds_ranks = world_size > 0;
    for (int32_t i = 0; i < world_size; ++i) Add(QueueLearner::Place::kHeld, offer).job = job.job;
    return job;
  }
  QueueLearner& Add(QueueLearner::Place place, const DeviceOffer& offer) {
    snapshot_.learners.push_back(
        {.id = absl::StrCat("learner-", snapshot_.learners.size()), .offer = offer, .place = place});
    return snapshot_.learners.back();
  }
  void Waiting(int count, const DeviceOffer& offer = {.device = "cpu", .memory_bytes = 8}) {
    for (int i = 0; i < count; ++i) Add(QueueLearner::Place::kWaiting, offer);
  }
  void Workers(int count, const DeviceOffer& offer = {.device = "cpu", .memory_bytes = 8}) {
    for (int i = 0; i < count; ++i) snapshot_.workers.push_back(offer);
  }

  QueueSnapshot& snapshot() { return snapshot_; }

 private:
  QueueSnapshot snapshot_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_QUEUE_BUILDER_H_
