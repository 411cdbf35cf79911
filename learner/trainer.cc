// SPDX-License-Identifier: Apache-2.0
#include "learner/trainer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/step_reduction.h"
#include "learner/step_totals.h"
#include "model/weight_sync/weight_digest.h"
#include "objective/objective_registry.h"

namespace cohort::learner {
namespace {

constexpr int64_t kStepWaitSeconds = 5;
constexpr int64_t kDefaultMicrobatchTokens = 8192;

// Temperature of the distribution whose log-probs are trained: that of sampling; 1 for greedy sampling and
// demonstrations.
double TrainedTemperature(const cohort::v1::JobSpec& spec) {
  if (!spec.has_rlvr()) return 1.0;
  const cohort::v1::SamplingSpec& sampling = spec.rlvr().rollout().sampling();
  return sampling.has_temperature() && sampling.temperature() > 0 ? sampling.temperature() : 1.0;
}

TrainStepOptions StepOptions(const cohort::v1::JobSpec& spec) {
  const cohort::v1::TrainingSpec& training = spec.training();
  TrainStepOptions options;
  options.optimizer = spec.optimizer();
  options.max_tokens_per_microbatch =
      training.max_tokens_per_microbatch() > 0 ? training.max_tokens_per_microbatch() : kDefaultMicrobatchTokens;
  options.num_updates_in_job = training.num_steps() * std::max(1, training.updates_per_step());
  options.temperature = TrainedTemperature(spec);
  return options;
}

absl::StatusOr<std::unique_ptr<objective::Objective>> CreateObjective(const cohort::v1::ObjectiveSpec& spec) {
  objective::ObjectiveRegistry registry;
  COHORT_RETURN_IF_ERROR(objective::RegisterBuiltinObjectives(&registry));
  return registry.Create(spec);
}

}  // namespace

Trainer::Trainer(const cohort::v1::JoinGangResponse& place, const TrainerEnvironment& environment)
    : place_(place),
      environment_(environment),
      version_publisher_(place, environment.weight_service_address, environment.publisher, environment.client,
                         environment.membership) {}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const cohort::v1::JoinGangResponse& place,
                                                         const TrainerEnvironment& environment) {
  std::unique_ptr<Trainer> trainer(new Trainer(place, environment));
  COHORT_ASSIGN_OR_RETURN(trainer->objective_, CreateObjective(place.spec().objective()));
  model::ProcessGroupOptions options;
  options.store_address = place.store_address();
  options.key_prefix = absl::StrCat(place.job(), "/", place.incarnation());
  options.host = environment.host;
  options.rank = place.rank();
  options.world_size = place.world_size();
  COHORT_ASSIGN_OR_RETURN(trainer->group_, environment.create_group(options));
  COHORT_RETURN_IF_ERROR(trainer->Load());
  return trainer;
}

absl::Status Trainer::Load() {
  const cohort::v1::JobSpec& spec = place_.spec();
  if (place_.resume_checkpoint().empty()) {
    COHORT_ASSIGN_OR_RETURN(state_, CreateTrainState(place_.model_path(), spec.optimizer(), environment_.device));
  } else {
    COHORT_ASSIGN_OR_RETURN(
        state_, LoadCheckpoint(place_.resume_checkpoint(), SpecDigest(spec), spec.optimizer(), environment_.device));
  }
  if (state_.policy_version != place_.resume_version()) {
    return absl::DataLossError(absl::StrCat(place_.resume_checkpoint(), ": holds version ", state_.policy_version,
                                            " instead of ", place_.resume_version()));
  }
  const model::ModelConfig& config = state_.decoder->config();
  if (!objective_->NeedsRollouts()) {
    COHORT_ASSIGN_OR_RETURN(tokenizer_, model::Tokenizer::Load(place_.model_path()));
  }
  const int64_t max_sequence_tokens = spec.training().max_sequence_tokens();
  data_options_ = {
      .objective = objective_.get(),
      .tokenizer = tokenizer_.get(),
      .eos_token_id = config.eos_token_ids.front(),
      .limits = {.vocab_size = config.vocab_size,
                 .max_sequence_tokens = max_sequence_tokens > 0 ? max_sequence_tokens : config.max_position_embeddings},
      .num_updates = std::max(1, spec.training().updates_per_step()),
      .rank = place_.rank(),
      .world_size = place_.world_size()};
  train_step_ = std::make_unique<TrainStep>(StepOptions(spec), objective_.get(), group_.get(), &state_);
  return absl::OkStatus();
}

absl::Status Trainer::Run() {
  log::Info("job started", {{"job", place_.job()},
                            {"rank", place_.rank()},
                            {"world_size", place_.world_size()},
                            {"incarnation", place_.incarnation()},
                            {"policy_version", state_.policy_version}});
  COHORT_RETURN_IF_ERROR(PublishStart());
  while (true) {
    PhaseTimer timer(environment_.clock);
    COHORT_ASSIGN_OR_RETURN(const StepPayload payload, NextStep());
    timer.Mark(Phase::kWait);
    if (payload.plan.action() == cohort::v1::STEP_ACTION_STOP) return Stop(payload.plan);
    COHORT_RETURN_IF_ERROR(Train(payload, &timer));
  }
}

absl::Status Trainer::PublishStart() {
  COHORT_RETURN_IF_ERROR(HashWeights());
  return Announce();
}

absl::StatusOr<StepPayload> Trainer::NextStep() {
  cohort::v1::GetStepRequest request;
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_rank(place_.rank());
  request.set_world_size(place_.world_size());
  request.set_version(state_.policy_version);
  request.mutable_wait()->set_seconds(kStepWaitSeconds);
  while (true) {
    if (environment_.membership->IsLost()) return absl::AbortedError("the gang was dissolved");
    if (environment_.membership->IsAbandoned()) return absl::CancelledError("the coordinator is gone");
    absl::StatusOr<StepPayload> payload = environment_.client->GetStep(request);
    if (absl::IsUnavailable(payload.status()) || absl::IsDeadlineExceeded(payload.status())) continue;
    if (payload.ok() && payload->plan.version() != state_.policy_version) {
      return absl::InternalError(
          absl::StrCat("step plan: version ", payload->plan.version(), " instead of ", state_.policy_version));
    }
    return payload;
  }
}

absl::Status Trainer::Train(const StepPayload& payload, PhaseTimer* timer) {
  const absl::Duration start = environment_.clock->Monotonic();
  COHORT_ASSIGN_OR_RETURN(const StepData data, BuildStepData(payload, data_options_));
  COHORT_ASSIGN_OR_RETURN(TrainStep::Outcome outcome, train_step_->Run(data, timer));
  COHORT_RETURN_IF_ERROR(HashWeights());
  timer->Mark(Phase::kDigest);
  outcome.totals.AddPhases(*timer);
  COHORT_RETURN_IF_ERROR(ReduceOverRanks(group_.get(), environment_.device, digest_, &outcome.totals));
  const std::map<std::string, double> step_metrics =
      StepMetrics(outcome.totals, {.learning_rate = outcome.learning_rate,
                                   .gradient_norm = outcome.gradient_norm_mean,
                                   .advantage_abs_mean = data.advantage_abs_mean,
                                   .zero_signal_share = data.zero_signal_share,
                                   .learner_seconds = absl::ToDoubleSeconds(environment_.clock->Monotonic() - start),
                                   .num_updates = data_options_.num_updates,
                                   .world_size = place_.world_size(),
                                   .has_rollouts = objective_->NeedsRollouts()});
  environment_.metrics->RecordStep(place_.job(), state_.policy_version, step_metrics);
  log::Debug("train step done", {{"job", place_.job()},
                                 {"rank", place_.rank()},
                                 {"policy_version", state_.policy_version},
                                 {"loss", step_metrics.at("loss")},
                                 {"seconds", step_metrics.at("learner_seconds")}});
  COHORT_RETURN_IF_ERROR(Commit(step_metrics));
  COHORT_RETURN_IF_ERROR(Announce());
  if (!payload.plan.seal_checkpoint()) return absl::OkStatus();
  const absl::Status sealed = Seal();
  // Training goes on without: the checkpoint before is valid, and the plans since are still there.
  return absl::IsAborted(sealed) ? sealed : absl::OkStatus();
}

// Rank 0 copies a claimable version for its readers at the same time.
absl::Status Trainer::HashWeights() {
  const model::ParameterMap& parameters = state_.parameters->parameters();
  if (is_leader() && IsClaimable(place_.spec(), state_.policy_version)) {
    const absl::Duration start = environment_.clock->Monotonic();
    COHORT_ASSIGN_OR_RETURN(digest_, version_publisher_.Hold(state_.policy_version, parameters));
    environment_.metrics->RecordPublish(place_.job(), absl::ToDoubleSeconds(environment_.clock->Monotonic() - start));
    return absl::OkStatus();
  }
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest manifest, model::DescribeWeights(parameters));
  digest_ = manifest.digest();
  return absl::OkStatus();
}

absl::Status Trainer::Commit(const std::map<std::string, double>& step_metrics) {
  if (!is_leader()) return absl::OkStatus();
  cohort::v1::CommitStepRequest request;
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_version(state_.policy_version);
  request.set_digest(digest_);
  for (const auto& [name, value] : step_metrics) (*request.mutable_metrics())[name] = value;
  return environment_.membership->Persist([&] { return environment_.client->CommitStep(request); });
}

absl::Status Trainer::Announce() {
  if (!is_leader() || !IsClaimable(place_.spec(), state_.policy_version)) return absl::OkStatus();
  return version_publisher_.Announce(state_.policy_version, digest_);
}

absl::Status Trainer::Seal() {
  if (!is_leader()) return absl::OkStatus();
  const absl::Duration start = environment_.clock->Monotonic();
  const absl::StatusOr<std::string> path = SealCheckpoint(state_, {.parent = place_.checkpoint_directory(),
                                                                   .model_path = place_.model_path(),
                                                                   .weight_digest = digest_,
                                                                   .incarnation = place_.incarnation(),
                                                                   .spec_digest = SpecDigest(place_.spec())});
  if (!path.ok()) {
    environment_.metrics->RecordCheckpointFailure(place_.job());
    log::Error("checkpoint not sealed",
               {{"job", place_.job()}, {"policy_version", state_.policy_version}, {"reason", path.status()}});
    return path.status();
  }
  cohort::v1::SealCheckpointRequest request;
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_version(state_.policy_version);
  request.set_path(*path);
  request.set_digest(digest_);
  COHORT_RETURN_IF_ERROR(
      environment_.membership->Persist([&] { return environment_.client->SealCheckpoint(request); }));
  sealed_version_ = state_.policy_version;
  const absl::Duration elapsed = environment_.clock->Monotonic() - start;
  environment_.metrics->RecordCheckpoint(place_.job(), absl::ToDoubleSeconds(elapsed));
  log::Info("checkpoint sealed", {{"job", place_.job()},
                                  {"policy_version", state_.policy_version},
                                  {"path", *path},
                                  {"seconds", absl::ToDoubleSeconds(elapsed)}});
  const absl::Status pruned =
      PruneCheckpoints(place_.checkpoint_directory(), std::max(1, place_.spec().checkpoint().keep_last()));
  if (!pruned.ok()) log::Warning("old checkpoints not removed", {{"job", place_.job()}, {"reason", pruned}});
  return absl::OkStatus();
}

absl::Status Trainer::Stop(const cohort::v1::StepPlan& plan) {
  absl::Status sealed;
  if (plan.seal_checkpoint() && sealed_version_ != state_.policy_version) sealed = Seal();
  // Ranks leave together: one that joins again while rank 0 is still sealing would look like a restart.
  const absl::Status together = group_->Barrier();
  log::Info("job stopped", {{"job", place_.job()},
                            {"rank", place_.rank()},
                            {"policy_version", state_.policy_version},
                            {"reason", plan.stop_reason()},
                            {"ranks_left_together", together.ok()}});
  return sealed;
}

}  // namespace cohort::learner
