// SPDX-License-Identifier: Apache-2.0
// From what the queue is told to what is done about its decision.
#include <algorithm>
#include <utility>

#include "common/telemetry/log.h"
#include "coordinator/gang_assembly.h"

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
  {
    absl::MutexLock lock(&mutex_);
    if (news == asked_about_ && !is_time_passed) return;
    asked_about_ = news;
  }
  CollectLost();
  absl::MutexLock lock(&mutex_);
  if (is_draining_) return;
  Runtimes runtimes;
  for (auto& runtime : directory_->Runtimes()) runtimes[runtime->name()] = std::move(runtime);
  std::set<std::string> refused;
  QueueSnapshot snapshot;
  QueueDecision decision;
  // Once more without every job that could not start: its ranks go to the next one.
  for (bool is_settled = false; !is_settled;) {
    snapshot = Snapshot(runtimes, refused);
    decision = DecideQueue(snapshot);
    is_settled = true;
    for (const QueueStart& start : decision.starts) {
      if (Start(start, runtimes[start.job].get())) continue;
      refused.insert(start.job);
      is_settled = false;
      break;
    }
  }
  for (const QueuePreemption& preemption : decision.preemptions) Preempt(preemption, runtimes[preemption.victim].get());
  Publish(runtimes, snapshot, decision);
  Measure(snapshot);
}

QueueSnapshot GangAssembly::Snapshot(const Runtimes& runtimes, const std::set<std::string>& refused) {
  QueueSnapshot snapshot;
  bool needs_workers = false;
  for (const auto& [name, runtime] : runtimes) {
    JobDemand& job = snapshot.jobs.emplace_back(runtime->Demand());
    if (refused.count(name) > 0) job.may_start = false;
    needs_workers = needs_workers || (job.may_start && job.min_workers > 0);
  }
  for (const KnownLearner& known : gangs_.Learners()) snapshot.learners.push_back(AsQueueLearner(known));
  if (needs_workers) snapshot.workers = context_->workers->Devices();
  use_.Observe(snapshot.jobs, context_->clock->Monotonic());
  snapshot.device_seconds = use_.device_seconds();
  snapshot.max_ranks_per_namespace = context_->limits.max_ranks;
  std::set<std::string> queued;
  for (const JobDemand& job : snapshot.jobs) {
    if (IsQueued(job.state)) queued.insert(job.job);
  }
  // Somebody who pauses a job may mend it, too.
  std::erase_if(doubtful_, [&queued](const std::string& job) { return queued.count(job) == 0; });
  snapshot.doubtful = doubtful_;
  return snapshot;
}

bool GangAssembly::Start(const QueueStart& start, JobRuntime* job) {
  if (start.learners.empty()) {
    const bool is_started = job->StartWithoutRanks().ok();
    if (is_started) context_->groups_signal->Notify();
    return is_started;
  }
  const auto gang = job->StartGang();
  if (!gang.ok()) {  // the job has failed or waits on, by name
    doubtful_.insert(start.job);
    return false;
  }
  doubtful_.erase(start.job);
  if (!gangs_.Form(start.job, start.learners, gang->incarnation, context_->clock->Monotonic())) {
    job->LoseGang(gang->incarnation, "a rank left while the gang formed");
    return false;
  }
  // EndJoin, which wants it, waits for the lock.
  starts_[start.job] = *gang;
  context_->plans_signal->Notify();
  return true;
}

void GangAssembly::Preempt(const QueuePreemption& preemption, JobRuntime* victim) {
  const absl::Status status = victim->Preempt(preemption.by);
  if (status.ok()) {
    context_->metrics->Preemptions(preemption.victim).Increment();
  } else {  // it has just ended, say; the queue is asked again
    log::Info("preemption_missed", {{"job", preemption.victim}, {"by", preemption.by}, {"reason", status}});
  }
}

void GangAssembly::Publish(const Runtimes& runtimes, const QueueSnapshot& snapshot, const QueueDecision& decision) {
  int64_t position = 0;
  for (const QueuedJob& waiting : decision.queue) {
    runtimes.at(waiting.job)->SetQueuePlace(++position, waiting.reason);
  }
  std::map<std::string, const JobDemand*> demands;
  for (const JobDemand& job : snapshot.jobs) demands[job.job] = &job;
  ServedJobs::List served;
  for (const std::string& job : decision.running) {
    served.push_back({.job = job, .worker = demands[job]->worker, .runtime = runtimes.at(job)});
  }
  // Groups of a job that is served only now were not looked at when it started.
  if (directory_->served().Set(std::move(served))) context_->groups_signal->Notify();
}

void GangAssembly::Measure(const QueueSnapshot& snapshot) {
  std::map<std::string, std::pair<int64_t, int64_t>> counts;  // queued jobs and held ranks by namespace
  for (const std::string& name_space : measured_) counts[name_space] = {0, 0};
  for (const JobDemand& job : snapshot.jobs) {
    auto& [num_queued, num_ranks] = counts[job.name_space];
    if (IsQueued(job.state)) ++num_queued;
    if (job.holds_ranks) num_ranks += job.world_size;
    measured_.insert(job.name_space);
  }
  for (const auto& [name_space, count] : counts) {
    context_->metrics->QueuedJobs(name_space).Set(static_cast<double>(count.first));
    context_->metrics->RanksHeld(name_space).Set(static_cast<double>(count.second));
  }
}

}  // namespace cohort::coordinator
