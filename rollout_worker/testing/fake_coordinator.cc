// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/testing/fake_coordinator.h"

#include <algorithm>
#include <utility>

namespace cohort::rollout_worker {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(50);
constexpr absl::Duration kPoll = absl::Milliseconds(20);

}  // namespace

void FakeCoordinator::SetSetup(cohort::v1::RolloutSetup setup) {
  absl::MutexLock lock(&mutex_);
  setup_ = std::move(setup);
}

void FakeCoordinator::AddWeights(const cohort::v1::WeightSource& source) {
  absl::MutexLock lock(&mutex_);
  weights_.push_back(source);
}

void FakeCoordinator::AddGroup(const cohort::v1::GroupAssignment& group) {
  absl::MutexLock lock(&mutex_);
  waiting_.push_back(group);
}

void FakeCoordinator::LoseLease(int64_t group_id) {
  absl::MutexLock lock(&mutex_);
  lost_.insert(group_id);
}

void FakeCoordinator::FailNextClaims(int count) {
  absl::MutexLock lock(&mutex_);
  num_failing_claims_ = count;
}

void FakeCoordinator::FailNextSubmits(int count, grpc::StatusCode code) {
  absl::MutexLock lock(&mutex_);
  num_failing_submits_ = count;
  submit_code_ = code;
}

void FakeCoordinator::SetTrouble(const std::string& job, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  troubles_.erase(job);
  if (!reason.empty()) troubles_[job] = reason;
}

void FakeCoordinator::SetAside(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  set_aside_ = reason;
}

void FakeCoordinator::HangSubmits() {
  absl::MutexLock lock(&mutex_);
  do_submits_hang_ = true;
}

FakeCoordinator::Record FakeCoordinator::Look() {
  absl::MutexLock lock(&mutex_);
  return record_;
}

bool FakeCoordinator::WaitUntil(const std::function<bool(const Record&)>& condition) {
  absl::MutexLock lock(&mutex_);
  const auto holds = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return condition(record_); };
  return mutex_.AwaitWithTimeout(absl::Condition(&holds), kPatience);
}

grpc::Status FakeCoordinator::ClaimGroups(grpc::ServerContext* context, const cohort::v1::ClaimGroupsRequest* request,
                                          cohort::v1::ClaimGroupsResponse* response) {
  absl::MutexLock lock(&mutex_);
  record_.claimed_by.push_back(request->worker());
  if (num_failing_claims_ > 0) {
    --num_failing_claims_;
    return grpc::Status(grpc::StatusCode::ABORTED, "unknown worker");
  }
  if (!set_aside_.empty()) {
    response->set_is_set_aside(true);
    response->set_set_aside_reason(set_aside_);
    return grpc::Status::OK;
  }
  ++record_.num_claims_under_way;
  const auto has_group = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !waiting_.empty(); };
  absl::Duration left = absl::Seconds(request->wait().seconds()) + absl::Nanoseconds(request->wait().nanos());
  while (left > absl::ZeroDuration() && !context->IsCancelled() &&
         !mutex_.AwaitWithTimeout(absl::Condition(&has_group), kPoll)) {
    left -= kPoll;
  }
  --record_.num_claims_under_way;
  if (!waiting_.empty()) record_.claim_sizes.push_back(request->max_groups());
  for (int32_t i = 0; i < request->max_groups() && !waiting_.empty(); ++i) {
    cohort::v1::GroupAssignment* group = response->add_groups();
    *group = waiting_.front();
    waiting_.pop_front();
    group->mutable_lease()->set_coordinator_epoch(1);
    group->mutable_lease()->set_attempt(1);
    for (const cohort::v1::WeightSource& source : weights_) {
      if (source.policy_version() == group->policy_version()) *response->add_weights() = source;
    }
  }
  response->mutable_lease_duration()->set_nanos(90'000'000);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::GetRolloutSetup(grpc::ServerContext*, const cohort::v1::GetRolloutSetupRequest*,
                                              cohort::v1::RolloutSetup* response) {
  absl::MutexLock lock(&mutex_);
  *response = setup_;
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Heartbeat(grpc::ServerContext*, const cohort::v1::WorkerHeartbeatRequest* request,
                                        cohort::v1::WorkerHeartbeatResponse* response) {
  absl::MutexLock lock(&mutex_);
  ++record_.num_heartbeats;
  record_.generated_tokens = request->generated_tokens();
  for (int i = 0; i < request->log().lines_size(); ++i) {
    record_.log_lines[request->log().first_number() + i] = request->log().lines(i).text();
  }
  record_.renewed.clear();
  for (const cohort::v1::GroupLease& lease : request->leases()) {
    record_.renewed.insert(lease.group_id());
    if (lost_.count(lease.group_id()) > 0) *response->add_lost() = lease;
  }
  return grpc::Status::OK;
}

void FakeCoordinator::Store(const cohort::v1::RolloutGroup& group) {
  ++record_.num_submits[group.group_id()];
  const auto [stored, is_first] = record_.submitted.emplace(group.group_id(), group);
  if (!is_first && stored->second.SerializeAsString() != group.SerializeAsString()) {
    record_.different_submits.insert(group.group_id());
  }
}

grpc::Status FakeCoordinator::SubmitGroups(grpc::ServerContext* context,
                                           grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                                           cohort::v1::SubmitGroupsResponse* response) {
  {
    absl::MutexLock lock(&mutex_);
    record_.num_hanging_submits += do_submits_hang_ ? 1 : 0;
    const auto never = []() { return false; };
    while (do_submits_hang_ && !context->IsCancelled()) mutex_.AwaitWithTimeout(absl::Condition(&never), kPoll);
    if (do_submits_hang_) return grpc::Status(grpc::StatusCode::CANCELLED, "hanging");
  }
  cohort::v1::SubmitGroupsRequest part;
  cohort::v1::RolloutGroup group;
  while (reader->Read(&part)) {
    const auto rollouts = group.rollouts();
    group = part.group();
    *group.mutable_rollouts() = rollouts;
    group.mutable_rollouts()->MergeFrom(part.group().rollouts());
    if (!part.is_last_part()) continue;
    cohort::v1::GroupReceipt* receipt = response->add_receipts();
    receipt->set_job(group.job());
    receipt->set_group_id(group.group_id());
    absl::MutexLock lock(&mutex_);
    const auto trouble = troubles_.find(group.job());
    receipt->set_accepted(trouble == troubles_.end());
    receipt->set_try_again(trouble != troubles_.end());
    if (trouble == troubles_.end()) {
      Store(group);
    } else {
      receipt->set_reason(trouble->second);
      ++record_.num_put_off[group.group_id()];
    }
    group.Clear();
  }
  absl::MutexLock lock(&mutex_);
  if (num_failing_submits_ == 0) return grpc::Status::OK;
  --num_failing_submits_;
  return grpc::Status(submit_code_, "cannot be stored");
}

grpc::Status FakeCoordinator::ReleaseGroups(grpc::ServerContext*, const cohort::v1::ReleaseGroupsRequest* request,
                                            cohort::v1::ReleaseGroupsResponse*) {
  absl::MutexLock lock(&mutex_);
  for (const cohort::v1::GroupLease& lease : request->leases()) record_.released[lease.group_id()] = request->error();
  return grpc::Status::OK;
}

}  // namespace cohort::rollout_worker
