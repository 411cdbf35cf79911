// SPDX-License-Identifier: Apache-2.0
#include "learner/trainer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"
#include "kernels/torch/torch_status.h"
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
#include "model/learner_load.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

constexpr int64_t kStepWaitSeconds = 5;
// A call that came back sooner than that did not wait: the next one does not follow at once.
constexpr absl::Duration kShortestPoll = absl::Milliseconds(100);

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
Trainer::~Trainer() { group_.reset(); }

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
    COHORT_ASSIGN_OR_RETURN(reference_, LoadReference(place_.model_path(), environment_.device));
  }
  data_options_ = DataOptions(spec, state_.decoder->config());
  data_options_.objective = objective_.get();
  data_options_.tokenizer = tokenizer_.get();
  data_options_.rank = place_.rank();
  data_options_.world_size = place_.world_size();
  TrainStepOptions options = StepOptions(spec);
  options.gradient.on_failure = [this](const FailedUpdate& failed) { return KeepFailure(failed); };
  train_step_ =
      std::make_unique<TrainStep>(std::move(options), objective_.get(), reference_.get(), group_.get(), &state_);
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
    COHORT_ASSIGN_OR_RETURN(StepPayload payload, NextStep());
    timer.Mark(Phase::kWait);
    if (payload.plan.action() == cohort::v1::STEP_ACTION_STOP) return Stop(payload.plan);
    COHORT_RETURN_IF_ERROR(Train(std::move(payload), &timer));
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
    const absl::Duration start = environment_.clock->Monotonic();
    absl::StatusOr<StepPayload> payload = environment_.client->GetStep(request);
    const absl::Duration elapsed = environment_.clock->Monotonic() - start;
    // A coordinator that is there answers a poll without a plan with UNAVAILABLE; a call without any answer ends late.
    environment_.metrics->AddIdleTime(
        absl::IsDeadlineExceeded(payload.status()) ? IdleReason::kCoordinator : IdleReason::kPlan, elapsed);
    // CANCELLED: the membership ended the call, and says above why.
    if (absl::IsUnavailable(payload.status()) || absl::IsDeadlineExceeded(payload.status()) ||
        absl::IsCancelled(payload.status())) {
      if (elapsed < kShortestPoll) environment_.pause(kShortestPoll);
      continue;
    }
    if (payload.ok() && payload->plan.version() != state_.policy_version) {
      return absl::InternalError(
          absl::StrCat("step plan: version ", payload->plan.version(), " instead of ", state_.policy_version));
    }
    return payload;
  }
}

absl::Status Trainer::Train(StepPayload payload, PhaseTimer* timer) {
  const absl::Duration start = environment_.clock->Monotonic();
  COHORT_ASSIGN_OR_RETURN(const StepData data, BuildStepData(payload, data_options_));
  const bool is_sealing = payload.plan.seal_checkpoint();
  payload_ = TrainedPart(payload);
  payload = StepPayload();  // the texts and scores of a step are larger than what is trained
  if (memory_watch_.has_value()) memory_watch_->BeginStep();
  COHORT_ASSIGN_OR_RETURN(TrainStep::Outcome outcome, train_step_->Run(data, timer));
  MeasureMemory(outcome.largest_microbatch_tokens);
  COHORT_RETURN_IF_ERROR(HashWeights());
  timer->Mark(Phase::kDigest);
  outcome.totals.AddPhases(*timer);
  RankTimingTable timings(place_.rank(), place_.world_size(), *timer);
  COHORT_RETURN_IF_ERROR(
      ReduceOverRanks(group_.get(), environment_.device, digest_, &outcome.totals, timings.numbers()));
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
  if (!is_sealing) return commit();
  // Every rank gives its share; rank 0 alone writes. Its commit may wait for room on the coordinator's disk for longer
  // than a collective lasts, so the collective comes before it and before workers hear of the version: they wait for
  // it.
  COHORT_ASSIGN_OR_RETURN(const Moments moments, ParameterExchange(group_.get(), &state_).GatherMoments());
  return DoTogether([&]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(commit());
    if (is_leader()) sealer_.Seal(SealedVersion(moments));
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
  const absl::StatusOr<std::string> kept = SaveFailure(
      failed, {.place = &place_, .payload = &payload_, .weights = &state_.parameters->parameters(), .digest = digest_});
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

// Rank 0 copies a claimable version for its readers at the same time.
absl::Status Trainer::HashWeights() {
  const model::ParameterMap& parameters = state_.parameters->parameters();
  if (is_leader() && IsClaimable(place_.spec(), state_.policy_version)) {
    const absl::Duration start = environment_.clock->Monotonic();
    COHORT_ASSIGN_OR_RETURN(digest_, version_publisher_.Hold(state_.policy_version, parameters));
    const absl::Duration elapsed = environment_.clock->Monotonic() - start;
    environment_.metrics->RecordPublish(place_.job(), absl::ToDoubleSeconds(elapsed), parameters.NumBytes());
    return absl::OkStatus();
  }
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest manifest, model::DescribeWeights(parameters));
  digest_ = manifest.digest();
  return absl::OkStatus();
}

absl::Status Trainer::Commit(const std::map<std::string, double>& step_metrics,
                             const std::vector<cohort::v1::RankTimings>& timings) {
  if (!is_leader()) return absl::OkStatus();
  cohort::v1::CommitStepRequest request;
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_version(state_.policy_version);
  request.set_digest(digest_);
  for (const auto& [name, value] : step_metrics) (*request.mutable_metrics())[name] = value;
  for (const cohort::v1::RankTimings& rank : timings) *request.add_rank_timings() = rank;
  return environment_.membership->Persist([&] { return environment_.client->CommitStep(request); });
}

absl::Status Trainer::Announce() {
  if (!is_leader() || !IsClaimable(place_.spec(), state_.policy_version)) return absl::OkStatus();
  return version_publisher_.Announce(state_.policy_version, digest_);
}

CheckpointSealer::Version Trainer::SealedVersion(const Moments& moments) const {
  return {.state = &state_,
          .moments = moments,
          .digest = digest_,
          .needed_version = version_publisher_.oldest_needed_version()};
}

absl::StatusOr<Moments> Trainer::MomentsToSeal() {
  const ParameterExchange exchange(group_.get(), &state_);
  // Uncopied, and no exchange.
  if (place_.spec().optimizer().sharding() != cohort::v1::OPTIMIZER_SHARDING_ZERO1) return exchange.GatherMoments();
  COHORT_RETURN_IF_ERROR(DoTogether([&] {
    sealer_.Finish();
    return absl::OkStatus();
  }));
  std::vector<double> num_sealed = {is_leader() && sealer_.IsSealed(state_.policy_version) ? 1.0 : 0.0};
  std::vector<double> none;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch(
      "end of the job", [&] { return ReduceNumbers(group_.get(), environment_.device, &num_sealed, &none); }));
  if (num_sealed[0] > 0) return Moments();
  return exchange.GatherMoments();
}

absl::Status Trainer::Stop(const cohort::v1::StepPlan& plan) {
  if (memory_watch_.has_value()) memory_watch_->Log(place_.job(), place_.rank(), state_.policy_version);
  Moments moments;
  if (plan.seal_checkpoint()) {
    COHORT_ASSIGN_OR_RETURN(moments, MomentsToSeal());
  }
  absl::Status sealed;
  // Ranks leave together: one that joins again while rank 0 is still sealing would look like a restart.
  const absl::Status together = DoTogether([&] {
    if (plan.seal_checkpoint() && is_leader()) sealed = sealer_.SealAtTheEnd(SealedVersion(moments));
    sealer_.Finish();
    return absl::OkStatus();
  });
  log::Info("job stopped", {{"job", place_.job()},
                            {"rank", place_.rank()},
                            {"policy_version", state_.policy_version},
                            {"reason", plan.stop_reason()},
                            {"ranks_left_together", together.ok()}});
  return sealed;
}

}  // namespace cohort::learner
