// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_dispatch.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/claim_budget.h"
#include "coordinator/device_match.h"
#include "coordinator/poll_deadline.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

using google::protobuf::util::TimeUtil;

// How long a claim of a worker that is set aside waits: it gets nothing, but learns why.
constexpr absl::Duration kSetAsidePoll = absl::Seconds(1);

cohort::v1::GroupReceipt TryAgain(const cohort::v1::RolloutGroup& group, const absl::Status& trouble) {
  cohort::v1::GroupReceipt receipt;
  receipt.set_job(group.job());
  receipt.set_group_id(group.group_id());
  receipt.set_try_again(true);
  receipt.set_reason(std::string(trouble.message()));
  return receipt;
}

}  // namespace

RolloutDispatch::RolloutDispatch(const CoordinatorContext* context, JobDirectory* directory)
    : context_(context), directory_(directory) {}

absl::StatusOr<cohort::v1::ClaimGroupsResponse> RolloutDispatch::Claim(const cohort::v1::ClaimGroupsRequest& request) {
  cohort::v1::ClaimGroupsResponse response;
  COHORT_RETURN_IF_ERROR(ClaimInto(request, &response));
  return response;
}

absl::Status RolloutDispatch::ClaimInto(const cohort::v1::ClaimGroupsRequest& request,
                                        cohort::v1::ClaimGroupsResponse* response) {
  response->Clear();
  COHORT_RETURN_IF_ERROR(context_->workers->Hear(request.worker(), context_->clock->Monotonic()));
  if (request.max_groups() <= 0) {
    return common::InvalidField("max_groups", absl::StrCat(request.max_groups()), "must be positive");
  }
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(context_->lease_duration);
  *response->mutable_lease_duration() = TimeUtil::NanosecondsToDuration(nanoseconds);
  ClaimWhatIsThere(request, response);
  if (response->groups_size() == 0) {
    const absl::Duration now = context_->clock->Monotonic();
    response->set_set_aside_reason(context_->workers->WhySetAside(request.worker().worker_id(), now));
    response->set_is_set_aside(!response->set_aside_reason().empty());
  }
  return absl::OkStatus();
}

absl::Time RolloutDispatch::ClaimDeadline(const cohort::v1::ClaimGroupsRequest& request) const {
  const absl::Time deadline = PollDeadline(request.wait());
  const bool is_set_aside =
      !context_->workers->WhySetAside(request.worker().worker_id(), context_->clock->Monotonic()).empty();
  return is_set_aside ? std::min(deadline, absl::Now() + kSetAsidePoll) : deadline;
}

std::vector<GroupOffer> RolloutDispatch::Offers() const {
  const auto served = directory_->served().Get();
  std::vector<GroupOffer> offers;
  for (const ServedJob& job : *served) {
    GroupOffer offer = {.requirement = job.worker};
    if (job.runtime->HasWaitingGroups(&offer)) offers.push_back(std::move(offer));
  }
  return offers;
}

void RolloutDispatch::ClaimWhatIsThere(const cohort::v1::ClaimGroupsRequest& request,
                                       cohort::v1::ClaimGroupsResponse* response) {
  const std::string& worker = request.worker().worker_id();
  const absl::Duration now = context_->clock->Monotonic();
  ClaimBudget budget{.num_groups = context_->workers->Allow(worker, request.max_groups(), now)};
  const auto served = directory_->served().Get();
  for (const ServedJob& job : *served) {
    if (budget.MaxGroups() == 0) break;
    if (!Meets(job.worker, request.worker().device(), request.worker().memory_bytes())) continue;
    job.runtime->Claim(worker, &budget, response);
  }
  if (response->groups_size() > 0) context_->workers->CountGrant(worker, now, context_->lease_duration);
}

void RolloutDispatch::GiveBack(cohort::v1::ClaimGroupsResponse* response) {
  cohort::v1::ReleaseGroupsRequest release;
  for (const auto& group : response->groups()) {
    cohort::v1::GroupLease& lease = *release.add_leases();
    lease.set_job(group.job());
    lease.set_group_id(group.group_id());
    *lease.mutable_lease() = group.lease();
  }
  response->clear_groups();
  Release(release);
}

absl::StatusOr<cohort::v1::RolloutSetup> RolloutDispatch::Setup(const std::string& job) const {
  COHORT_RETURN_IF_ERROR(CheckJobName(job));
  COHORT_ASSIGN_OR_RETURN(const JobRecord record, context_->store->GetJob(job));
  cohort::v1::RolloutSetup setup;
  setup.set_job(job);
  setup.set_model_path(record.model_path);
  const cohort::v1::JobSpec& spec = record.job.spec();
  *setup.mutable_reward() = spec.has_rescore() ? spec.rescore().reward() : spec.rlvr().reward();
  *setup.mutable_evaluation_reward() = spec.evaluation().reward();
  setup.set_data_root(context_->data_root);
  setup.set_max_sequence_tokens(spec.training().max_sequence_tokens());
  setup.set_precision(spec.model().precision());
  return setup;
}

absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> RolloutDispatch::Heartbeat(
    const cohort::v1::WorkerHeartbeatRequest& request) {
  COHORT_RETURN_IF_ERROR(context_->workers->Hear(request.worker(), context_->clock->Monotonic()));
  cohort::v1::WorkerHeartbeatResponse response;
  for (const auto& lease : request.leases()) {
    const auto runtime = directory_->Find(lease.job());
    const bool is_held = runtime.ok() && (*runtime)->Renew(request.worker().worker_id(), lease);
    if (!is_held) *response.add_lost() = lease;
  }
  return response;
}

absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> RolloutDispatch::Submit(std::vector<Submission> submissions) {
  std::map<std::string, std::vector<size_t>> by_job;
  for (size_t i = 0; i < submissions.size(); ++i) by_job[submissions[i].group.job()].push_back(i);
  std::vector<cohort::v1::GroupReceipt> receipts(submissions.size());
  for (const auto& [job, positions] : by_job) {
    const auto runtime = directory_->Find(job);
    if (!runtime.ok()) {
      for (const size_t i : positions) {
        receipts[i].set_job(job);
        receipts[i].set_group_id(submissions[i].group.group_id());
        receipts[i].set_reason("the job has ended");
      }
      continue;
    }
    std::vector<Submission> of_job;
    for (const size_t i : positions) of_job.push_back(std::move(submissions[i]));
    auto answers = (*runtime)->Submit(&of_job);
    if (!answers.ok() && !absl::IsUnavailable(answers.status())) return answers.status();
    for (size_t n = 0; n < positions.size(); ++n) {
      receipts[positions[n]] = answers.ok() ? std::move((*answers)[n]) : TryAgain(of_job[n].group, answers.status());
    }
  }
  return receipts;
}

void RolloutDispatch::RefuseStream(const std::string& worker_id, const absl::Status& reason) {
  log::Warning("submit_refused", {{"worker", worker_id}, {"reason", reason}});
  context_->workers->CountFailure(worker_id, std::string(reason.message()), context_->clock->Monotonic());
}

void RolloutDispatch::Release(const cohort::v1::ReleaseGroupsRequest& request) {
  std::map<std::string, std::vector<cohort::v1::GroupLease>> by_job;
  for (const auto& lease : request.leases()) by_job[lease.job()].push_back(lease);
  for (const auto& [job, leases] : by_job) {
    const auto runtime = directory_->Find(job);
    if (runtime.ok()) (*runtime)->Release(leases, request.error());
  }
}

}  // namespace cohort::coordinator
