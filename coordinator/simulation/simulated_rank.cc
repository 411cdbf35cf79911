// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/simulated_rank.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/telemetry/log.h"
#include "coordinator/step_payload.h"
#include "coordinator/testing/gang_requests.h"
#include "coordinator/testing/weights_digest.h"

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kBeat = absl::Seconds(2);
constexpr absl::Duration kWait = absl::Seconds(3);

// A call that has no answer but its status.
struct Done {};

// The weights in a checkpoint; nullopt when it is damaged or not there.
std::optional<std::string> ReadCheckpoint(common::FileSystem* files, const std::string& path) {
  const auto content = common::ReadFile(files, path + "/weights");
  if (!content.ok() || content->size() != 64) return std::nullopt;
  std::string digest = content->substr(0, 32);
  if (common::Sha256Of(digest) != content->substr(32)) return std::nullopt;
  return digest;
}

}  // namespace

SimulatedRank::SimulatedRank(EventLoop* loop, common::SeededRandom* random, common::SimulatedDisk* disk,
                             SimulatedNetwork* network, Collective* collective, Witness* witness,
                             const Schedule* schedule, std::string id)
    : SimulatedProcess(loop),
      random_(random),
      disk_(disk),
      network_(network),
      collective_(collective),
      witness_(witness),
      schedule_(schedule),
      id_(std::move(id)) {}

void SimulatedRank::Start() {
  files_ = std::make_unique<common::SimulatedFileSystem>(disk_);
  Later(kBeat, [this] { Beat(); });
  Join();
}

void SimulatedRank::Die() {
  EndLife();
  if (files_ != nullptr) files_->Kill();
  place_.Clear();
  Later(absl::Milliseconds(random_->Between(100, 5000)), [this] { Start(); });
}

void SimulatedRank::Join() {
  place_.Clear();
  cohort::v1::JoinGangRequest request;
  request.set_learner_id(id_);
  request.set_store_address("127.0.0.1:2");
  using Answer = cohort::v1::JoinGangResponse;
  network_->Call<Answer>(
      kWait, [this, life = life()] { return life == this->life(); },
      [request](Coordinator& coordinator, const CallView& view) -> std::optional<absl::StatusOr<Answer>> {
        GangAssembly& gangs = coordinator.gangs();
        const absl::Status begun = view.is_first ? gangs.BeginJoin(request) : absl::OkStatus();
        if (!begun.ok()) return begun;
        if (!gangs.HasPlace(request.learner_id()) && !view.is_last) return std::nullopt;
        return gangs.EndJoin(request.learner_id());
      },
      [this, life = life()](absl::StatusOr<Answer> answer) {
        Run(life, [this, answer = std::move(answer)] {
          if (!answer.ok() || answer->job().empty()) return Later(absl::Milliseconds(300), [this] { Join(); });
          if (Dies()) return;
          place_ = *answer;
          Later(absl::Milliseconds(random_->Between(10, 1500)), [this] { TakeUp(); });
        });
      });
}

void SimulatedRank::Beat() {
  Later(kBeat, [this] { Beat(); });
  if (place_.job().empty()) return;
  cohort::v1::RankHeartbeatRequest request;
  request.set_learner_id(id_);
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_rank(place_.rank());
  network_->Call<Done>(
      absl::ZeroDuration(), [] { return true; },
      [request](Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<Done>> {
        const absl::Status status = coordinator.gangs().Heartbeat(request);
        return status.ok() ? absl::StatusOr<Done>(Done{}) : status;
      },
      [this, life = life(), incarnation = place_.incarnation()](absl::StatusOr<Done> answer) {
        Run(life, [this, incarnation, answer = std::move(answer)] {
          const bool is_present = !place_.job().empty() && place_.incarnation() == incarnation;
          if (!is_present || !absl::IsAborted(answer.status())) return;
          // What it was waiting for in the old gang does not come.
          EndLife();
          Later(kBeat, [this] { Beat(); });
          Join();
        });
      });
}

void SimulatedRank::TakeUp() {
  if (Dies()) return;
  version_ = place_.resume_version();
  std::optional<std::string> digest;
  if (!place_.resume_checkpoint().empty()) digest = ReadCheckpoint(files_.get(), place_.resume_checkpoint());
  while (!digest.has_value() && version_ > 0) digest = ReadCheckpoint(files_.get(), CheckpointPath(--version_));
  for (int64_t damaged = version_ + 1; damaged <= place_.resume_version(); ++damaged) {
    witness_->Unsealed(place_.job(), damaged);
  }
  digest_ = version_ == 0 ? InitialDigest() : *digest;
  if (place_.rank() == 0) return Publish([this] { AskForPlan(); });
  AskForPlan();
}

void SimulatedRank::AskForPlan() {
  if (Dies()) return;
  const cohort::v1::GetStepRequest request = StepRequest(place_, version_);
  using Answer = cohort::v1::StepPlan;
  network_->Call<Answer>(
      kWait, [this, life = life()] { return life == this->life(); },
      [this, request](Coordinator& coordinator, const CallView& view) -> std::optional<absl::StatusOr<Answer>> {
        auto plan = coordinator.gangs().WaitForPlan(request, [] { return false; });
        if (absl::IsUnavailable(plan.status()) && !view.is_last) return std::nullopt;
        if (!plan.ok() || plan->action() != cohort::v1::STEP_ACTION_TRAIN) return plan;
        witness_->HandedOut(request.job(), *plan);
        const auto job = coordinator.gangs().FindJob(request.job());
        if (!job.ok()) return job.status();
        const absl::Status sent = SendStep(coordinator.context(), request, *plan, (*job)->demonstrations(),
                                           [this](const cohort::v1::GetStepResponse& response) {
                                             if (response.has_group()) witness_->Payload(response.group());
                                             return true;
                                           });
        if (!sent.ok()) return sent;
        return plan;
      },
      [this, life = life()](absl::StatusOr<Answer> plan) {
        Run(life, [this, plan = std::move(plan)] {
          Conclude(
              plan.status(), [this] { AskForPlan(); }, [this, &plan] { Train(*plan); });
        });
      });
}

void SimulatedRank::Train(const cohort::v1::StepPlan& plan) {
  if (Dies()) return;
  const bool leads = place_.rank() == 0;
  if (plan.action() == cohort::v1::STEP_ACTION_STOP) {
    if (leads && plan.seal_checkpoint()) return Seal([this] { Join(); });
    return Join();
  }
  collective_->Arrive(place_, plan, [this, plan, leads, life = life()] {
    Run(life, [this, plan, leads] {
      Later(absl::Milliseconds(random_->Between(10, 1500)), [this, plan, leads] {
        if (Dies()) return;
        digest_ = NextDigest(digest_, plan);
        ++version_;
        if (!leads) return AskForPlan();
        Commit([this, seal = plan.seal_checkpoint()] {
          Publish([this, seal] {
            if (seal) return Seal([this] { AskForPlan(); });
            AskForPlan();
          });
        });
      });
    });
  });
}

void SimulatedRank::Commit(const Next& next) {
  if (Dies()) return;
  cohort::v1::CommitStepRequest request = CommitRequest(place_, version_, digest_);
  (*request.mutable_metrics())["loss"] = 0.25;
  network_->Call<Done>(
      absl::ZeroDuration(), [] { return true; },
      [this, request](Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<Done>> {
        const auto job = coordinator.gangs().FindJob(request.job());
        if (!job.ok()) return job.status();
        const absl::Status status = (*job)->CommitStep(request);
        if (!status.ok()) return status;
        witness_->Committed(request.job(), request.version(), request.digest());
        return Done{};
      },
      [this, next, life = life()](absl::StatusOr<Done> answer) {
        Run(life, [this, next, answer = std::move(answer)] {
          Conclude(
              answer.status(), [this, next] { Commit(next); }, next);
        });
      });
}

void SimulatedRank::Publish(const Next& next) {
  if (Dies()) return;
  const cohort::v1::PublishVersionRequest request = PublishRequest(place_, version_, digest_);
  network_->Call<Done>(
      absl::ZeroDuration(), [] { return true; },
      [request](Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<Done>> {
        const auto job = coordinator.gangs().FindJob(request.job());
        if (!job.ok()) return job.status();
        const auto oldest = (*job)->PublishVersion(request);
        return oldest.ok() ? absl::StatusOr<Done>(Done{}) : oldest.status();
      },
      [this, next, life = life()](absl::StatusOr<Done> answer) {
        Run(life, [this, next, answer = std::move(answer)] {
          Conclude(
              answer.status(), [this, next] { Publish(next); }, next);
        });
      });
}

void SimulatedRank::Seal(const Next& next) {
  if (Dies()) return;
  if (IsHit(schedule_->learner_deaths)) {
    files_->DieAt(files_->num_calls() + random_->Between(1, 6),
                  static_cast<common::SimulatedFileSystem::Moment>(random_->Below(3)));
  }
  const std::string path = CheckpointPath(version_);
  absl::Status written = files_->MakeFolders(path);
  if (written.ok()) {
    written = common::WriteFileAtomically(files_.get(), path + "/weights", digest_ + common::Sha256Of(digest_));
  }
  // A rank that cannot write its checkpoint ends, and so does its gang.
  if (!written.ok()) return Die();
  const cohort::v1::SealCheckpointRequest request = SealRequest(place_, version_, path, digest_);
  network_->Call<Done>(
      absl::ZeroDuration(), [] { return true; },
      [this, request](Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<Done>> {
        const auto job = coordinator.gangs().FindJob(request.job());
        if (!job.ok()) return job.status();
        const absl::Status status = (*job)->SealCheckpoint(request);
        if (!status.ok()) return status;
        witness_->Sealed(request.job(), request.version());
        if (IsHit(schedule_->damaged_checkpoints)) disk_->Damage(request.path() + "/weights", 5);
        return Done{};
      },
      [this, next, life = life()](absl::StatusOr<Done> answer) {
        Run(life, [this, next, answer = std::move(answer)] {
          Conclude(
              answer.status(), [this, next] { Seal(next); }, next);
        });
      });
}

void SimulatedRank::Conclude(const absl::Status& status, const Next& again, const Next& next) {
  if (status.ok()) return next();
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    return Later(absl::Milliseconds(random_->Between(50, 800)), again);
  }
  log::Info("simulated_rank_rejoins", {{"rank", id_}, {"reason", status}});
  Join();
}

bool SimulatedRank::Dies() {
  if (!IsHit(schedule_->learner_deaths / 8)) return false;
  Die();
  return true;
}

std::string SimulatedRank::CheckpointPath(int64_t version) const {
  return absl::StrCat(place_.checkpoint_directory(), "/step-", version);
}

}  // namespace cohort::coordinator
