// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/simulated_worker.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"
#include "coordinator/testing/sample_group.h"

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kBeat = absl::Seconds(2);
constexpr absl::Duration kClaimWait = absl::Seconds(2);
constexpr size_t kMaxHeld = 4;
// With dynamic sampling a third of the groups have no signal and are replaced.
FakeScore ScoreOf(const cohort::v1::JobSpec& spec) {
  if (!spec.objective().dynamic_sampling().enabled()) return FirstSiblingIsRight();
  return [](const cohort::v1::GroupAssignment& assignment, int sibling, cohort::v1::Rollout* rollout) {
    rollout->set_reward(assignment.group_id() % 3 == 0 || sibling == 0 ? 1 : 0);
  };
}

// The lease, and two ticks.
constexpr absl::Duration kLeaseEnd = absl::Seconds(8);

}  // namespace

SimulatedWorker::SimulatedWorker(EventLoop* loop, common::SeededRandom* random, SimulatedNetwork* network,
                                 Witness* witness, const Schedule* schedule, std::string id)
    : SimulatedProcess(loop),
      random_(random),
      network_(network),
      witness_(witness),
      schedule_(schedule),
      id_(std::move(id)) {}

void SimulatedWorker::Start() {
  Claim();
  Later(kBeat, [this] { Beat(); });
}

void SimulatedWorker::Die() {
  EndLife();
  held_.clear();
  Later(absl::Milliseconds(random_->Between(100, 5000)), [this] { Start(); });
}

void SimulatedWorker::Claim() {
  if (held_.size() >= kMaxHeld) return Later(absl::Milliseconds(500), [this] { Claim(); });
  cohort::v1::ClaimGroupsRequest request;
  *request.mutable_worker() = Describe();
  request.set_max_groups(static_cast<int32_t>(random_->Between(1, static_cast<int64_t>(kMaxHeld - held_.size()))));
  using Answer = cohort::v1::ClaimGroupsResponse;
  network_->Call<Answer>(
      kClaimWait, [this, life = life()] { return life == this->life(); },
      [this, request](Coordinator& coordinator, const CallView& view) -> std::optional<absl::StatusOr<Answer>> {
        // The caller is looked after by the network: a call that is lost keeps its groups, as it would.
        auto answer = coordinator.rollouts().Claim(request);
        if (!answer.ok()) return answer;
        if (answer->groups().empty() && !answer->is_set_aside() && !view.is_last) return std::nullopt;
        for (const auto& group : answer->groups()) {
          witness_->Granted(group.job(), group.group_id(), group.lease(), loop()->now());
        }
        return answer;
      },
      [this, life = life()](absl::StatusOr<Answer> answer) {
        Run(life, [this, answer = std::move(answer)] {
          if (answer.ok()) {
            for (const auto& assignment : answer->groups()) {
              const Key key(assignment.job(), assignment.group_id());
              held_[key] = {.assignment = assignment};
              log::Debug("simulated_claim", {{"worker", id_},
                                             {"group", key.second},
                                             {"attempt", assignment.lease().attempt()},
                                             {"time", absl::ToDoubleSeconds(loop()->now())}});
              const bool is_long = IsHit(50);
              const absl::Duration time = absl::Milliseconds(random_->Between(20, is_long ? 12000 : 800));
              Later(time, [this, key] { FinishSampling(key); });
            }
          }
          Later(absl::Milliseconds(answer.ok() ? 50 : 400), [this] { Claim(); });
        });
      });
}

void SimulatedWorker::Beat() {
  Later(kBeat, [this] { Beat(); });
  cohort::v1::WorkerHeartbeatRequest request;
  *request.mutable_worker() = Describe();
  for (const auto& [key, held] : held_) *request.add_leases() = LeaseOf(held.assignment);
  using Answer = cohort::v1::WorkerHeartbeatResponse;
  network_->Call<Answer>(
      absl::ZeroDuration(), [] { return true; },
      [this, request](Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<Answer>> {
        auto answer = coordinator.rollouts().Heartbeat(request);
        if (!answer.ok()) return answer;
        std::map<Key, bool> lost;
        for (const auto& lease : answer->lost()) lost[{lease.job(), lease.group_id()}] = true;
        for (const auto& lease : request.leases()) {
          if (lost.count({lease.job(), lease.group_id()}) == 0) witness_->Renewed(lease, loop()->now());
        }
        return answer;
      },
      [this, life = life()](absl::StatusOr<Answer> answer) {
        Run(life, [this, answer = std::move(answer)] {
          if (!answer.ok()) return;
          for (const auto& lease : answer->lost()) {
            const auto it = held_.find({lease.job(), lease.group_id()});
            // What is being submitted is submitted until it is answered.
            const bool is_sampled = it != held_.end() && it->second.is_sampled;
            if (it != held_.end() && !is_sampled &&
                it->second.assignment.lease().attempt() == lease.lease().attempt()) {
              held_.erase(it);
            }
          }
        });
      });
}

void SimulatedWorker::FinishSampling(const Key& key) {
  const auto it = held_.find(key);
  // A group that was given out again meanwhile is sampled once.
  if (it == held_.end() || it->second.is_sampled) return;
  if (IsHit(schedule_->releases)) return Release(key);
  Held& held = it->second;
  held.submission = {.lease = held.assignment.lease(), .group = SampleGroup(held.assignment, ScoreOf(schedule_->spec))};
  held.submission.worker_id = id_;
  held.is_sampled = true;
  if (IsHit(schedule_->garbage)) MakeGarbage(&held);
  Submit(key);
}

void SimulatedWorker::Submit(const Key& key) {
  const auto it = held_.find(key);
  const bool is_sampled = it != held_.end() && it->second.is_sampled;
  if (!is_sampled) return;
  using Answer = std::vector<cohort::v1::GroupReceipt>;
  network_->Call<Answer>(
      absl::ZeroDuration(), [] { return true; },
      [this, submission = it->second.submission, is_garbage = !it->second.garbage.empty()](
          Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<Answer>> {
        auto answer = coordinator.rollouts().Submit({submission});
        if (answer.ok()) {
          witness_->Answered(submission, is_garbage, answer->front(), kLeaseEnd, loop()->now());
        }
        return answer;
      },
      [this, key, life = life()](absl::StatusOr<Answer> answer) {
        Run(life, [this, key, answer = std::move(answer)] { TakeReceipt(key, answer); });
      });
}

void SimulatedWorker::TakeReceipt(const Key& key,
                                  const absl::StatusOr<std::vector<cohort::v1::GroupReceipt>>& receipts) {
  log::Debug("simulated_receipt", {{"worker", id_},
                                   {"group", key.second},
                                   {"garbage", held_.count(key) > 0 ? held_[key].garbage : "none"},
                                   {"accepted", receipts.ok() && receipts->front().accepted()},
                                   {"status", receipts.status()},
                                   {"time", absl::ToDoubleSeconds(loop()->now())}});
  if (receipts.ok() && !receipts->front().try_again()) {
    held_.erase(key);
    return;
  }
  Later(absl::Milliseconds(random_->Between(100, 1500)), [this, key] { Submit(key); });
}

void SimulatedWorker::Release(const Key& key) {
  cohort::v1::ReleaseGroupsRequest request;
  request.set_worker_id(id_);
  *request.add_leases() = LeaseOf(held_[key].assignment);
  if (random_->Chance(500)) request.set_error("out of memory");
  held_.erase(key);
  network_->Call<cohort::v1::ReleaseGroupsResponse>(
      absl::ZeroDuration(), [] { return true; },
      [request](Coordinator& coordinator, const CallView&) {
        coordinator.rollouts().Release(request);
        return absl::StatusOr<cohort::v1::ReleaseGroupsResponse>(cohort::v1::ReleaseGroupsResponse());
      },
      [](const auto&) {});
}

void SimulatedWorker::MakeGarbage(Held* held) {
  held->garbage = "a token without a log-prob";
  cohort::v1::RolloutGroup& group = held->submission.group;
  cohort::v1::Rollout& rollout = *group.mutable_rollouts(0);
  switch (random_->Below(8)) {
    case 0:
      rollout.add_token_ids(3);
      break;
    case 1:
      held->garbage = "NaN";
      rollout.set_behavior_logprobs(0, std::numeric_limits<float>::quiet_NaN());
      break;
    case 2:
      held->garbage = "the group of somebody else";
      group.set_group_id(group.group_id() + 1);
      break;
    case 3:
      held->garbage = "no group";
      group.set_group_id(group.group_id() + 1000000);
      break;
    case 4:
      held->garbage = "another lease";
      held->submission.lease.set_attempt(held->submission.lease.attempt() + 100);
      held->submission.lease.set_coordinator_epoch(held->submission.lease.coordinator_epoch() + 100);
      break;
    case 5:
      held->garbage = "another version";
      group.set_policy_version(group.policy_version() + 1);
      break;
    case 6:
      held->garbage = "too few rollouts";
      group.mutable_rollouts()->RemoveLast();
      break;
    default:
      held->garbage = "another problem";
      group.set_problem_id(group.problem_id() + 1);
      break;
  }
}

cohort::v1::WorkerDescription SimulatedWorker::Describe() const {
  cohort::v1::WorkerDescription worker;
  worker.set_worker_id(id_);
  worker.set_device("cpu");
  worker.set_http_address(absl::StrCat("127.0.0.1:", life()));
  return worker;
}

cohort::v1::GroupLease SimulatedWorker::LeaseOf(const cohort::v1::GroupAssignment& assignment) {
  cohort::v1::GroupLease lease;
  lease.set_job(assignment.job());
  lease.set_group_id(assignment.group_id());
  *lease.mutable_lease() = assignment.lease();
  return lease;
}

}  // namespace cohort::coordinator
