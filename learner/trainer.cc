// SPDX-License-Identifier: Apache-2.0
#include "learner/trainer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/failure/failed_step_folder.h"
#include "learner/failure/failure_saver.h"
#include "learner/job_setup.h"
#include "learner/number_reduction.h"
#include "learner/parameter_exchange.h"
#include "learner/rank_timings.h"
#include "learner/run_together.h"
#include "learner/start_state.h"
#include "learner/step_reduction.h"
#include "learner/step_totals.h"
#include "learner/step_wait.h"
#include "learner/version_digest.h"
#include "model/learner_load.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

StepWait StepWaitOf(const TrainerEnvironment& environment) {
  return {.client = environment.client,
          .membership = environment.membership,
          .clock = environment.clock,
          .metrics = environment.metrics,
          .pause = environment.pause};
}

}  // namespace

Trainer::Trainer(const cohort::v1::JoinGangResponse& place, const TrainerEnvironment& environment)
    : place_(place),
      environment_(environment),
      version_publisher_(place, environment.weight_service_address, environment.publisher, environment.client,
                         environment.membership),
      sealer_(place_, {.client = environment.client,
                       .membership = environment.membership,
                       .clock = environment.clock,
                       .metrics = environment.metrics,
                       .seal_patience = environment.seal_patience,
                       .pause = environment.pause}) {}

// The write, which may take minutes, needs no group: peers that wait in a collective are not to wait for it.
Trainer::~Trainer() {
  group_.reset();
  sealer_.LeaveGang();
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const cohort::v1::JoinGangResponse& place,
                                                         const TrainerEnvironment& environment) {
  std::unique_ptr<Trainer> trainer(new Trainer(place, environment));
  COHORT_ASSIGN_OR_RETURN(trainer->objective_, objective::Objective::Create(place.spec().objective()));
  model::ProcessGroupOptions options;
  options.store_address = place.store_address();
  options.key_prefix = absl::StrCat(place.job(), "/", place.incarnation());
  options.host = environment.host;
  options.rank = place.rank();
  options.world_size = place.world_size();
  COHORT_ASSIGN_OR_RETURN(trainer->group_, environment.create_group(options));
  return trainer;
}

absl::Status Trainer::Load() {
  const cohort::v1::JobSpec& spec = place_.spec();
  COHORT_ASSIGN_OR_RETURN(state_, LoadStartState(place_, environment_.device, group_.get(), environment_.metrics));
  if (!objective_->NeedsRollouts() || objective_->NeedsTokenText()) {
    COHORT_ASSIGN_OR_RETURN(tokenizer_, model::Tokenizer::Load(place_.model_path()));
  }
  if (objective_->NeedsReference()) {
    // Ranks that share layers meet right after this, however different their disks are.
    COHORT_RETURN_IF_ERROR(DoTogether([&]() -> absl::Status {
      COHORT_ASSIGN_OR_RETURN(reference_, LoadReference(place_.model_path(), state_));
      return absl::OkStatus();
    }));
  }
  data_options_ = DataOptions(spec, state_.decoder->config());
  data_options_.objective = objective_.get();
  data_options_.tokenizer = tokenizer_.get();
  data_options_.rank = place_.rank();
  data_options_.world_size = place_.world_size();
  TrainStepOptions options = StepOptions(spec);
  options.gradient.on_failure = [this](const FailedUpdate& failed) { return KeepFailure(failed); };
  train_step_ = std::make_unique<TrainStep>(std::move(options), objective_.get(), &reference_, group_.get(), &state_);
  if (environment_.tensors != nullptr) {
    memory_watch_.emplace(state_.decoder->config(), model::LearnerLoadOf(spec, spec.training().max_sequence_tokens()),
                          environment_.tensors);
  }
  return absl::OkStatus();
}

absl::Status Trainer::Run() {
  COHORT_RETURN_IF_ERROR(Load());
  log::Info("job started", {{"job", place_.job()},
                            {"rank", place_.rank()},
                            {"world_size", place_.world_size()},
                            {"incarnation", place_.incarnation()},
                            {"policy_version", state_.policy_version}});
  COHORT_RETURN_IF_ERROR(PublishStart());
  while (true) {
    PhaseTimer timer(environment_.clock);
    COHORT_ASSIGN_OR_RETURN(StepPayload payload, AwaitStep(place_, state_.policy_version, StepWaitOf(environment_)));
    timer.Mark(Phase::kWait);
    if (payload.plan.action() == cohort::v1::STEP_ACTION_STOP) return Stop(payload.plan);
    COHORT_RETURN_IF_ERROR(Train(std::move(payload), &timer));
  }
}

absl::Status Trainer::PublishStart() {
  COHORT_RETURN_IF_ERROR(HashWeights());
  return Announce();
}

absl::Status Trainer::Train(StepPayload payload, PhaseTimer* timer) {
  const absl::Duration start = environment_.clock->Monotonic();
  COHORT_ASSIGN_OR_RETURN(const StepData data, BuildStepData(payload, data_options_));
  const bool asks_for_checkpoint = payload.plan.seal_checkpoint();
  StripToTrainedPart(&payload);
  payload_ = std::move(payload);
  if (memory_watch_.has_value()) memory_watch_->BeginStep();
  COHORT_ASSIGN_OR_RETURN(TrainStep::Outcome outcome, train_step_->Run(data, timer));
  MeasureMemory(outcome.largest_microbatch_tokens);
  COHORT_RETURN_IF_ERROR(HashWeights());
  timer->Mark(Phase::kDigest);
  outcome.totals.AddPhases(*timer);
  RankTimingTable timings(place_.rank(), place_.world_size(), *timer);
  COHORT_RETURN_IF_ERROR(
      ReduceOverRanks(group_.get(), environment_.device, digest_.compared, &outcome.totals, timings.numbers()));
  const std::map<std::string, double> step_metrics =
      StepMetrics(outcome.totals, {.learning_rate = outcome.learning_rate,
                                   .gradient_norm = outcome.gradient_norm_mean,
                                   .advantage_abs_mean = data.advantage_abs_mean,
                                   .advantage_std = data.advantage_std,
                                   .zero_signal_share = data.zero_signal_share,
                                   .learner_seconds = absl::ToDoubleSeconds(environment_.clock->Monotonic() - start),
                                   .num_updates = static_cast<int64_t>(data.updates.size()),
                                   .world_size = place_.world_size(),
                                   .has_rollouts = objective_->NeedsRollouts(),
                                   .has_reference = objective_->NeedsReference()});
  environment_.metrics->RecordStep(place_.job(), state_.policy_version, step_metrics);
  log::Debug("train step done", {{"job", place_.job()},
                                 {"rank", place_.rank()},
                                 {"policy_version", state_.policy_version},
                                 {"trace_id", common::TraceIdOf(place_.job(), "steps", state_.policy_version - 1)},
                                 {"loss", step_metrics.at("loss")},
                                 {"seconds", step_metrics.at("learner_seconds")}});
  const auto commit = [&]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(Commit(step_metrics, timings.Timings()));
    return Announce();
  };
  COHORT_ASSIGN_OR_RETURN(const bool is_sealing, IsSealedNow(asks_for_checkpoint));
  if (!is_sealing) return commit();
  // Rank 0's commit may wait for room on the coordinator's disk for longer than a collective lasts, so the collectives
  // come before it and before workers hear of the version: they wait for it.
  COHORT_ASSIGN_OR_RETURN(const CheckpointSealer::Version version, VersionToSeal());
  return DoTogether([&]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(commit());
    sealer_.Seal(version);
    return absl::OkStatus();
  });
}

void Trainer::MeasureMemory(int64_t microbatch_tokens) {
  if (!memory_watch_.has_value()) return;
  const bool is_first = memory_watch_->peak().measured_bytes == 0;
  // A GPU's copy is in host memory.
  memory_watch_->EndStep(microbatch_tokens, environment_.device.is_cpu() ? sealer_.copy_bytes() : 0);
  const MemoryWatch::Peak& peak = memory_watch_->peak();
  environment_.metrics->RecordMemory(place_.job(), peak.predicted_bytes, peak.measured_bytes);
  if (is_first) memory_watch_->Log(place_.job(), place_.rank(), state_.policy_version);
}

std::string Trainer::KeepFailure(const FailedUpdate& failed) const {
  const absl::StatusOr<std::string> kept =
      SaveFailure(failed, {.place = &place_, .payload = &payload_, .digest = digest_.weights});
  if (kept.ok()) return *kept;
  log::Error("failed step not kept", {{"job", place_.job()},
                                      {"rank", place_.rank()},
                                      {"policy_version", state_.policy_version},
                                      {"reason", kept.status()}});
  return "";
}

absl::Status Trainer::DoTogether(const std::function<absl::Status()>& work) {
  return RunTogether(group_.get(), environment_.device, work, environment_.pulse);
}

absl::Status Trainer::HashWeights() {
  COHORT_ASSIGN_OR_RETURN(digest_, DigestVersion(state_, group_.get(), environment_.pulse,
                                                 [this](const auto& parameters) { return HoldOrHash(parameters); }));
  return absl::OkStatus();
}

// Rank 0 copies a claimable version for its readers at the same time.
absl::StatusOr<std::string> Trainer::HoldOrHash(const model::ParameterMap& parameters) {
  if (is_leader() && IsClaimable(place_.spec(), state_.policy_version)) {
    const absl::Duration start = environment_.clock->Monotonic();
    COHORT_ASSIGN_OR_RETURN(std::string digest, version_publisher_.Hold(state_.policy_version, parameters));
    const absl::Duration elapsed = environment_.clock->Monotonic() - start;
    environment_.metrics->RecordPublish(place_.job(), absl::ToDoubleSeconds(elapsed), parameters.NumBytes());
    return digest;
  }
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest manifest, model::DescribeWeights(parameters));
  return manifest.digest();
}

absl::Status Trainer::Commit(const std::map<std::string, double>& step_metrics,
                             const std::vector<cohort::v1::RankTimings>& timings) {
  if (!is_leader()) return absl::OkStatus();
  cohort::v1::CommitStepRequest request;
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_version(state_.policy_version);
  request.set_digest(digest_.weights);
  for (const auto& [name, value] : step_metrics) (*request.mutable_metrics())[name] = value;
  for (const cohort::v1::RankTimings& rank : timings) *request.add_rank_timings() = rank;
  return environment_.membership->Persist([&] { return environment_.client->CommitStep(request); });
}

absl::Status Trainer::Announce() {
  if (!is_leader() || !IsClaimable(place_.spec(), state_.policy_version)) return absl::OkStatus();
  return version_publisher_.Announce(state_.policy_version, digest_.weights);
}

absl::StatusOr<bool> Trainer::IsSealedNow(bool asks_for_checkpoint) {
  if (!asks_for_checkpoint || sealer_.IsScheduled(state_.policy_version)) return asks_for_checkpoint;
  // Recovery asked for it, and the one that a rank is still writing will do.
  COHORT_ASSIGN_OR_RETURN(const auto busy, RanksThat(sealer_.IsBusy(), group_.get(), environment_.device));
  if (busy.empty()) return true;
  log::Info("checkpoint left out", {{"job", place_.job()}, {"policy_version", state_.policy_version}});
  return false;
}

absl::StatusOr<CheckpointSealer::Version> Trainer::VersionToSeal() const {
  COHORT_ASSIGN_OR_RETURN(StatePart part, ParameterExchange(group_.get(), &state_).GatherPart(OwnSpans(state_)));
  return CheckpointSealer::Version{&state_, std::move(part), digest_.weights,
                                   version_publisher_.oldest_needed_version()};
}

absl::StatusOr<std::optional<CheckpointSealer::Version>> Trainer::VersionAtTheEnd() {
  COHORT_RETURN_IF_ERROR(DoTogether([&] {
    sealer_.Finish();
    return absl::OkStatus();
  }));
  const bool is_sealed = is_leader() && sealer_.IsSealed(state_.policy_version);
  COHORT_ASSIGN_OR_RETURN(const auto ranks, RanksThat(is_sealed, group_.get(), environment_.device));
  if (!ranks.empty()) return std::nullopt;
  return VersionToSeal();
}

absl::Status Trainer::Stop(const cohort::v1::StepPlan& plan) {
  if (memory_watch_.has_value()) memory_watch_->Log(place_.job(), place_.rank(), state_.policy_version);
  std::optional<CheckpointSealer::Version> version;
  if (plan.seal_checkpoint()) {
    COHORT_ASSIGN_OR_RETURN(version, VersionAtTheEnd());
  }
  absl::Status sealed;
  // Ranks leave together: one that joins again while others are still sealing would look like a restart.
  const absl::Status together = DoTogether([&] {
    if (version.has_value()) sealed = sealer_.SealAtTheEnd(*version);
    sealer_.Finish();
    return absl::OkStatus();
  });
  if (is_leader() && version.has_value()) sealer_.Discard(*version);  // what ranks that were late have left
  log::Info("job stopped", {{"job", place_.job()},
                            {"rank", place_.rank()},
                            {"policy_version", state_.policy_version},
                            {"reason", plan.stop_reason()},
                            {"ranks_left_together", together.ok()}});
  return sealed;
}

}  // namespace cohort::learner
