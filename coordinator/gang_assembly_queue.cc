// SPDX-License-Identifier: Apache-2.0
// From what the queue is told to what is done about its decision.
#include <algorithm>
#include <utility>

#include "common/telemetry/log.h"
#include "coordinator/dataset_opening.h"
#include "coordinator/gang_assembly.h"
#include "coordinator/job_lifecycle.h"

namespace cohort::coordinator {
namespace {

QueueLearner AsQueueLearner(const KnownLearner& known) {
  QueueLearner learner{.id = known.learner.learner_id(),
                       .offer = {.device = known.learner.device(), .memory_bytes = known.learner.memory_bytes()},
                       .job = known.job};
  learner.place = known.is_waiting ? QueueLearner::Place::kWaiting : QueueLearner::Place::kAbsent;
  if (!known.job.empty()) learner.place = QueueLearner::Place::kHeld;
  return learner;
}

}  // namespace

void GangAssembly::FormGangs(bool is_time_passed) {
  // Before looking: what changes meanwhile is looked at next time.
  const std::pair<int64_t, int64_t> news = {context_->plans_signal->count(), gangs_.num_changes()};
  bool must_decide = is_time_passed;
  {
    absl::MutexLock lock(&mutex_);
    if (news == asked_about_ && !is_time_passed) return;
    must_decide = must_decide || news.second != asked_about_.second;
    asked_about_ = news;
  }
  must_decide = CollectLost() || must_decide;
  absl::MutexLock lock(&mutex_);
  if (is_draining_) return;
  TakeChanges();
  if (must_decide || queue_.MustDecide()) Decide();
}

void GangAssembly::TakeChanges() {
  std::set<std::string> changed = directory_->changed().Take();
  // When a job's data have been read, only the signal moves.
  for (const std::string& job : reading_) {
    if (!runtimes_.at(job)->Demand().is_reading) changed.insert(job);
  }
  for (const std::string& job : changed) {
    const auto runtime = directory_->Find(job);
    reading_.erase(job);
    if (runtime.ok()) {
      JobDemand demand = (*runtime)->Demand();
      if (demand.is_reading) reading_.insert(job);
      queue_.Put(std::move(demand));
      runtimes_[job] = *runtime;
    } else {
      queue_.Remove(job);
      runtimes_.erase(job);
    }
  }
}

void GangAssembly::Decide() {
  std::set<std::string> refused;
  QueueDecision decision;
  // Once more without every job that could not start: its ranks go to the next one.
  for (bool is_settled = false; !is_settled;) {
    TakeChanges();
    CompleteSnapshot(refused);
    decision = queue_.Decide();
    is_settled = true;
    for (const QueueStart& start : decision.starts) {
      const absl::Status started = Start(start, runtimes_.at(start.job).get());
      if (started.ok()) continue;
      if (IsBeingRead(started)) {
        directory_->changed().Add(start.job);  // from here on it waits for its data
      } else {
        refused.insert(start.job);
      }
      is_settled = false;
      break;
    }
  }
  for (const QueuePreemption& preemption : decision.preemptions) {
    Preempt(preemption, runtimes_.at(preemption.victim).get());
  }
  Publish(decision);
  Measure();
  // They may try again.
  for (const std::string& job : refused) directory_->changed().Add(job);
}

void GangAssembly::CompleteSnapshot(const std::set<std::string>& refused) {
  bool needs_workers = false;
  std::vector<std::string> charged;
  for (const JobDemand& job : queue_.snapshot().jobs) {
    needs_workers = needs_workers || (job.may_start && job.min_workers > 0);
    // What a job has used is no change of it. What a queued one uses, whose workers kept their groups, comes with its
    // next change.
    if (job.holds_ranks || job.state == cohort::v1::JOB_STATE_RUNNING) charged.push_back(job.job);
  }
  for (const std::string& job : charged) queue_.Put(runtimes_.at(job)->Demand());
  for (const std::string& name : refused) {
    const JobDemand* found = queue_.Find(name);
    if (found == nullptr) continue;
    JobDemand job = *found;
    job.may_start = false;
    queue_.Put(std::move(job));
  }
  std::vector<QueueLearner> learners;
  for (const KnownLearner& known : gangs_.Learners()) learners.push_back(AsQueueLearner(known));
  queue_.SetLearners(std::move(learners));
  queue_.SetWorkers(needs_workers ? context_->workers->Devices() : std::vector<DeviceOffer>());
  use_.Observe(queue_.snapshot().jobs, context_->clock->Monotonic());
  queue_.SetUse(use_.device_seconds());
  queue_.SetLimit(context_->limits.max_ranks);
  // Somebody who pauses a job may mend it, too.
  std::erase_if(doubtful_, [this](const std::string& name) {
    mutex_.AssertHeld();
    const JobDemand* job = queue_.Find(name);
    return job == nullptr || !IsQueued(job->state);
  });
  queue_.SetDoubtful(doubtful_);
}

absl::Status GangAssembly::Start(const QueueStart& start, JobRuntime* job) {
  if (start.learners.empty()) {
    absl::Status started = job->StartWithoutRanks();
    if (started.ok()) context_->groups_signal->Notify();
    return started;
  }
  const auto gang = job->StartGang();
  if (IsBeingRead(gang.status())) return gang.status();
  if (!gang.ok()) {  // the job has failed or waits on, by name
    doubtful_.insert(start.job);
    return gang.status();
  }
  doubtful_.erase(start.job);
  if (!gangs_.Form(start.job, start.learners, gang->incarnation, context_->clock->Monotonic())) {
    job->LoseGang(gang->incarnation, "a rank left while the gang formed");
    return absl::UnavailableError("a rank left while the gang formed");
  }
  // EndJoin, which wants it, waits for the lock.
  starts_[start.job] = *gang;
  context_->plans_signal->Notify();
  return absl::OkStatus();
}

void GangAssembly::Preempt(const QueuePreemption& preemption, JobRuntime* victim) {
  const absl::Status status = victim->Preempt(preemption.by);
  if (status.ok()) {
    context_->metrics->Preemptions(preemption.victim).Increment();
  } else {  // it has just ended, say; the queue is asked again
    log::Info("preemption_missed", {{"job", preemption.victim}, {"by", preemption.by}, {"reason", status}});
  }
}

void GangAssembly::Publish(const QueueDecision& decision) {
  int64_t position = 0;
  for (const QueuedJob& waiting : decision.queue) {
    runtimes_.at(waiting.job)->SetQueuePlace(++position, waiting.reason);
  }
  ServedJobs::List served;
  for (const std::string& job : decision.running) {
    served.push_back({.job = job, .worker = queue_.Find(job)->worker, .runtime = runtimes_.at(job)});
  }
  // Groups of a job that is served only now were not looked at when it started.
  if (directory_->served().Set(std::move(served))) context_->groups_signal->Notify();
}

void GangAssembly::Measure() {
  std::map<std::string, std::pair<int64_t, int64_t>> counts;  // queued jobs and held ranks by namespace
  for (const std::string& name_space : measured_) counts[name_space] = {0, 0};
  for (const JobDemand& job : queue_.snapshot().jobs) {
    auto& [num_queued, num_ranks] = counts[job.name_space];
    if (IsQueued(job.state)) ++num_queued;
    if (job.holds_ranks) num_ranks += job.world_size;
  }
  for (const auto& [name_space, count] : counts) {
    measured_.insert(name_space);
    context_->metrics->QueuedJobs(name_space).Set(static_cast<double>(count.first));
    context_->metrics->RanksHeld(name_space).Set(static_cast<double>(count.second));
  }
}

}  // namespace cohort::coordinator
