// SPDX-License-Identifier: Apache-2.0
#include "coordinator/standing_queue.h"

#include <algorithm>
#include <utility>

#include "coordinator/device_match.h"
#include "coordinator/job_lifecycle.h"

namespace cohort::coordinator {

void StandingQueue::Put(JobDemand job) {
  const auto [it, is_new] = places_.emplace(job.job, snapshot_.jobs.size());
  must_decide_ = must_decide_ || !is_new || !OnlyWaits(job);
  if (is_new) {
    snapshot_.jobs.push_back(std::move(job));
  } else {
    snapshot_.jobs[it->second] = std::move(job);
  }
}

void StandingQueue::Remove(std::string_view job) {
  const auto it = places_.find(job);
  if (it == places_.end()) return;
  const size_t place = it->second;
  places_.erase(it);
  if (place + 1 < snapshot_.jobs.size()) {
    snapshot_.jobs[place] = std::move(snapshot_.jobs.back());
    places_[snapshot_.jobs[place].job] = place;
  }
  snapshot_.jobs.pop_back();
  must_decide_ = true;
}

void StandingQueue::SetLearners(std::vector<QueueLearner> learners) {
  snapshot_.learners = std::move(learners);
  has_waiting_learner_ =
      std::any_of(snapshot_.learners.begin(), snapshot_.learners.end(),
                  [](const QueueLearner& learner) { return learner.place == QueueLearner::Place::kWaiting; });
  must_decide_ = true;
}

const JobDemand* StandingQueue::Find(std::string_view job) const {
  const auto it = places_.find(job);
  return it == places_.end() ? nullptr : &snapshot_.jobs[it->second];
}

QueueDecision StandingQueue::Decide() {
  QueueDecision decision = DecideQueue(snapshot_);
  lowest_running_priority_ = std::numeric_limits<int32_t>::max();
  for (const JobDemand& job : snapshot_.jobs) {
    const bool can_stop = job.state == cohort::v1::JOB_STATE_RUNNING && job.holds_ranks && !job.is_stopping;
    if (can_stop) lowest_running_priority_ = std::min(lowest_running_priority_, job.priority);
  }
  // What starts or stops changes the snapshot in a moment.
  must_decide_ = !decision.starts.empty() || !decision.preemptions.empty();
  return decision;
}

// Why this is enough. A job that waits without keeping ranks or room below a limit changes nothing for others: one that
// may not start, or never could. One that does keep them takes them only from jobs behind it, that is, of its priority
// or a lower one. Of those none starts while no learner waits (jobs without ranks ask for none), and none pre-empts
// when no running job is of a lower priority than this one.
bool StandingQueue::OnlyWaits(const JobDemand& job) const {
  if (!IsQueued(job.state) || job.holds_ranks) return false;
  if (!job.may_start) return true;
  if (job.world_size == 0) return false;
  if (!has_waiting_learner_ && job.priority <= lowest_running_priority_) return true;
  return NeverStarts(job);
}

bool StandingQueue::NeverStarts(const JobDemand& job) const {
  const int64_t limit = snapshot_.max_ranks_per_namespace;
  if (limit > 0 && job.world_size > limit) return true;
  std::map<std::string_view, int32_t> by_kind;
  for (const QueueLearner& learner : snapshot_.learners) {
    const DeviceOffer& offer = learner.offer;
    if (!Meets(job.rank, offer.device, offer.memory_bytes)) continue;
    if (++by_kind[DeviceKind(offer.device)] >= job.world_size) return false;
  }
  return true;
}

}  // namespace cohort::coordinator
