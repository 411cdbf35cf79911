// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/group_claimer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "rollout_worker/backoff.h"

namespace cohort::rollout_worker {
namespace {

constexpr absl::Duration kIdleWait = absl::Seconds(10);
// A claim under way was made for the room of its time; a busy engine makes room quickly, so ask again soon.
constexpr absl::Duration kBusyWait = absl::Milliseconds(200);
constexpr absl::Duration kEmptyAnswerWait = absl::Milliseconds(10);
constexpr int kFetchAttempts = 4;
constexpr size_t kMaxJobs = 4;

bool IsWeightsComing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsNotFound(status);
}

std::string SetAsideReason(const cohort::v1::ClaimGroupsResponse& claimed) {
  if (!claimed.is_set_aside()) return "";
  return claimed.set_aside_reason().empty() ? "it did not say why" : claimed.set_aside_reason();
}

}  // namespace

GroupClaimer::GroupClaimer(const GroupClaimerOptions& options, const GroupClaimerDeps& deps)
    : options_(options), deps_(deps), thread_([this] { Run(); }) {}

GroupClaimer::~GroupClaimer() { Stop(); }

void GroupClaimer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    is_stopped_ = true;
  }
  deps_.client->CancelClaims();
  deps_.slots->Stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<ClaimedGroup> GroupClaimer::Take(absl::Duration wait) {
  absl::MutexLock lock(&mutex_);
  if (wait > absl::ZeroDuration()) mutex_.AwaitWithTimeout(absl::Condition(this, &GroupClaimer::HasReady), wait);
  std::vector<ClaimedGroup> taken;
  taken.swap(ready_);
  num_engine_sequences_ += num_ready_sequences_;
  num_ready_sequences_ = 0;
  return taken;
}

void GroupClaimer::SetSequences(int64_t num_sequences) {
  absl::MutexLock lock(&mutex_);
  num_engine_sequences_ = num_sequences;
}

bool GroupClaimer::WaitFor(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(this, &GroupClaimer::IsStopped), duration);
}

int32_t GroupClaimer::NumGroupsWithRoom() const {
  const int64_t num_sequences = num_engine_sequences_ + num_ready_sequences_;
  const int64_t room = (options_.worker.max_sequences() - num_sequences) / largest_group_;
  if (num_sequences == 0) return static_cast<int32_t>(std::max<int64_t>(room, 1));
  return static_cast<int32_t>(std::max<int64_t>(room, 0));
}

bool GroupClaimer::HasRoomOrStopped() const { return is_stopped_ || NumGroupsWithRoom() > 0; }

int32_t GroupClaimer::WaitForRoom(bool* is_engine_idle) {
  if (const absl::Duration pause = deps_.condition->TakePause(); pause > absl::ZeroDuration()) {
    idle_reason_ = IdleReason::kPaused;
    WaitFor(pause);
  }
  const bool is_failing = deps_.condition->IsFailing();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &GroupClaimer::HasRoomOrStopped));
  *is_engine_idle = num_engine_sequences_ + num_ready_sequences_ == 0;
  if (is_stopped_) return 0;
  return is_failing ? 1 : NumGroupsWithRoom();
}

void GroupClaimer::Run() {
  bool is_engine_idle = false;
  bool is_connected = true;
  Backoff backoff;
  for (int32_t num_groups = WaitForRoom(&is_engine_idle); num_groups > 0; num_groups = WaitForRoom(&is_engine_idle)) {
    idle_reason_ = is_connected ? IdleReason::kNoGroups : IdleReason::kCoordinator;
    const absl::StatusOr<cohort::v1::ClaimGroupsResponse> claimed = Claim(num_groups, is_engine_idle);
    if (claimed.ok()) {
      is_connected = true;
      backoff.Reset();
      deps_.condition->CoordinatorAnswered(SetAsideReason(*claimed));
      if (!claimed->groups().empty()) {
        idle_reason_ = IdleReason::kWeights;
        Prepare(*claimed);
      } else {
        if (is_engine_idle && !claimed->is_set_aside()) deps_.condition->FoundNoWork();
        WaitFor(kEmptyAnswerWait);
      }
      continue;
    }
    if (!WaitFor(absl::ZeroDuration())) break;
    deps_.metrics->coordinator_errors.Increment();
    deps_.condition->CoordinatorFailed(claimed.status());
    if (is_connected) log::Warning("claim_failed", {{"reason", claimed.status()}});
    is_connected = false;
    idle_reason_ = IdleReason::kCoordinator;
    WaitFor(backoff.Next());
  }
}

absl::StatusOr<cohort::v1::ClaimGroupsResponse> GroupClaimer::Claim(int32_t num_groups, bool is_engine_idle) {
  cohort::v1::ClaimGroupsRequest request;
  *request.mutable_worker() = options_.worker;
  request.set_max_groups(num_groups);
  const absl::Duration wait = is_engine_idle ? kIdleWait : kBusyWait;
  request.mutable_wait()->set_seconds(absl::ToInt64Seconds(wait));
  request.mutable_wait()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(wait % absl::Seconds(1))));
  return deps_.client->ClaimGroups(request);
}

void GroupClaimer::Prepare(const cohort::v1::ClaimGroupsResponse& claimed) {
  if (claimed.has_lease_duration()) {
    deps_.leases->SetDuration(absl::Seconds(claimed.lease_duration().seconds()) +
                              absl::Nanoseconds(claimed.lease_duration().nanos()));
  }
  const common::TimeAnchor now(deps_.clock);
  std::map<std::pair<std::string, int64_t>, std::vector<const cohort::v1::GroupAssignment*>> by_version;
  for (const cohort::v1::GroupAssignment& group : claimed.groups()) {
    if (!deps_.leases->Add(LeaseOf(group))) {
      DropBoth(LeaseOf(group));
      continue;
    }
    by_version[{group.job(), group.policy_version()}].push_back(&group);
    absl::MutexLock lock(&mutex_);
    largest_group_ = std::max(largest_group_, group.group_size());
  }
  for (const auto& [version, groups] : by_version) {
    // A job's groups are all of one or all of the other kind.
    if (groups[0]->purpose() == cohort::v1::GROUP_PURPOSE_RESCORE) {
      PrepareStored(groups, now);
      continue;
    }
    const cohort::v1::WeightSource* source = nullptr;
    for (const cohort::v1::WeightSource& candidate : claimed.weights()) {
      if (candidate.job() == version.first && candidate.policy_version() == version.second) source = &candidate;
    }
    PrepareTogether(groups, source, now);
  }
}

// No lease is given out twice, but the name of a job may be: what is held is a group of the job before. It must not be
// submitted for the group of this one, which comes again with another attempt.
void GroupClaimer::DropBoth(const cohort::v1::GroupLease& lease) {
  (void)deps_.leases->Lose(lease);
  deps_.releaser->Release({lease}, "");
}

void GroupClaimer::PrepareTogether(const std::vector<const cohort::v1::GroupAssignment*>& groups,
                                   const cohort::v1::WeightSource* source, const common::TimeAnchor& claimed) {
  if (source == nullptr) {
    return GiveBack(groups,
                    absl::FailedPreconditionError(absl::StrCat("weights: the claim names no source of version ",
                                                               groups[0]->policy_version(), " of ", groups[0]->job())));
  }
  const absl::StatusOr<std::shared_ptr<const JobContext>> job = FindJob(groups[0]->job());
  if (!job.ok()) return GiveBack(groups, job.status());
  const absl::StatusOr<PolicySlot*> slot = AcquireSlot(*source, **job, static_cast<int64_t>(groups.size()));
  if (!slot.ok()) return GiveBack(groups, slot.status());
  std::optional<FetchedVersion> fetch = deps_.slots->TakeFetch();
  std::vector<ClaimedGroup> ready;
  for (const cohort::v1::GroupAssignment* group : groups) {
    absl::StatusOr<EngineGroup> engine_group = (*job)->MakeEngineGroup(*group, next_id_++);
    if (!engine_group.ok()) {
      // The prompt's fault, and nothing that another group must fear.
      deps_.slots->Release(*slot);
      deps_.releaser->Release({LeaseOf(*group)}, std::string(engine_group.status().message()));
      continue;
    }
    ready.push_back({.assignment = *group,
                     .job = *job,
                     .slot = *slot,
                     .engine_group = *std::move(engine_group),
                     .stopwatch = GroupStopwatch(claimed)});
    if (!fetch.has_value()) continue;
    ready.back().stopwatch.Fetched(fetch->policy_version, fetch->begin, fetch->end, fetch->num_bytes);
    fetch.reset();
  }
  MakeReady(std::move(ready));
}

void GroupClaimer::PrepareStored(const std::vector<const cohort::v1::GroupAssignment*>& groups,
                                 const common::TimeAnchor& claimed) {
  const absl::StatusOr<std::shared_ptr<const JobContext>> job = FindJob(groups[0]->job());
  if (!job.ok()) return GiveBack(groups, job.status());
  std::vector<ClaimedGroup> ready;
  for (const cohort::v1::GroupAssignment* group : groups) {
    ready.push_back({.assignment = *group, .job = *job, .stopwatch = GroupStopwatch(claimed)});
  }
  MakeReady(std::move(ready));
}

void GroupClaimer::MakeReady(std::vector<ClaimedGroup> groups) {
  absl::MutexLock lock(&mutex_);
  for (ClaimedGroup& group : groups) {
    num_ready_sequences_ += group.assignment.group_size();
    ready_.push_back(std::move(group));
  }
}

absl::StatusOr<std::shared_ptr<const JobContext>> GroupClaimer::FindJob(const std::string& job) {
  // Asked every time: the name of a job that was deleted may be taken by one with another rubric.
  COHORT_ASSIGN_OR_RETURN(cohort::v1::RolloutSetup setup, deps_.client->GetRolloutSetup(job));
  setup.set_job(job);
  const auto known =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& context) { return context->job() == job; });
  std::shared_ptr<const JobContext> context;
  if (known != jobs_.end()) {
    if ((*known)->IsOf(setup)) context = *known;
    jobs_.erase(known);
  }
  if (context == nullptr) {
    absl::StatusOr<std::shared_ptr<const JobContext>> created =
        JobContext::Create(setup, deps_.zygote, options_.num_scoring_children);
    // Nothing else of it can be unavailable.
    if (absl::IsUnavailable(created.status())) deps_.condition->SandboxFailed(created.status());
    COHORT_RETURN_IF_ERROR(created.status());
    context = *std::move(created);
    if (jobs_.size() == kMaxJobs) jobs_.pop_front();
  }
  jobs_.push_back(context);
  return context;
}

absl::StatusOr<PolicySlot*> GroupClaimer::AcquireSlot(const cohort::v1::WeightSource& source, const JobContext& job,
                                                      int64_t num_groups) {
  Backoff backoff;
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<PolicySlot*> slot = deps_.slots->Acquire(source, job.config(), num_groups, job.precision());
    if (slot.ok() || !IsWeightsComing(slot.status())) return slot;
    if (attempt == kFetchAttempts || !WaitFor(backoff.Next())) {
      log::Warning("weights_unavailable",
                   {{"job", source.job()}, {"policy_version", source.policy_version()}, {"reason", slot.status()}});
      return absl::UnavailableError(slot.status().message());
    }
  }
}

// What may come right by itself is no failed attempt.
void GroupClaimer::GiveBack(const std::vector<const cohort::v1::GroupAssignment*>& groups, const absl::Status& status) {
  const bool is_no_fault = IsTransient(status) || absl::IsCancelled(status);
  std::vector<cohort::v1::GroupLease> leases;
  for (const cohort::v1::GroupAssignment* group : groups) leases.push_back(LeaseOf(*group));
  // Before the release: the groups must not come straight back.
  if (!absl::IsCancelled(status)) deps_.condition->GroupFailed(status);
  deps_.releaser->Release(leases, is_no_fault ? "" : std::string(status.message()));
}

}  // namespace cohort::rollout_worker
