// SPDX-License-Identifier: Apache-2.0
// Shapes: P numbers of all parameters.
#include "learner/replay/replay.h"

#include <ATen/ops/dot.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/job_setup.h"
#include "learner/train_step.h"
#include "model/parallel/single_rank_group.h"
#include "model/precision.h"
#include "model/spec_precision.h"
#include "model/weight_sync/weight_digest.h"
#include "objective/job_context.h"
#include "objective/objective_resolution.h"
#include "rollout_log/recorded_run.h"
#include "rollout_log/rollout_reader.h"

namespace cohort::learner {
namespace {

// One objective at work on a recorded job.
struct Reader {
  std::unique_ptr<objective::Objective> objective;
  StepDataOptions data_options;
};

absl::StatusOr<TrainState> StartState(const std::string& run_directory, const cohort::v1::RecordedRun& run,
                                      int64_t newest_version, const at::Device& device) {
  const std::string spec_digest = SpecDigest(run.spec());
  const model::Precision precision = model::PrecisionOf(run.spec().model().precision());
  for (const SealedFolder& folder : ListSealedFolders(run_directory + "/checkpoints")) {
    if (folder.policy_version > newest_version) continue;
    absl::StatusOr<TrainState> state =
        LoadCheckpoint(folder.path, {.policy_version = folder.policy_version, .spec_digest = spec_digest},
                       UnshardedOptimizer(run.spec()), device, /*place=*/{}, precision);
    if (state.ok()) return state;
  }
  return CreateTrainState(run.model_path(), UnshardedOptimizer(run.spec()), device, /*place=*/{}, precision);
}

// Everything that a replay keeps while it runs.
class Replayer final {
 public:
  explicit Replayer(const ReplayOptions& options) : options_(options) {}

  absl::Status Open() {
    COHORT_ASSIGN_OR_RETURN(contents_, rollout_log::ReadRecordedRun(
                                           absl::StrCat(options_.run_directory, "/", rollout_log::kRecordedRunFile)));
    const int64_t num_steps = static_cast<int64_t>(contents_.steps.size());
    last_step_ = options_.last_step == 0 ? num_steps : options_.last_step;
    if (!contents_.run.spec().has_rlvr()) {
      return absl::InvalidArgumentError(
          absl::StrCat("run: ", contents_.run.job(), " trains on demonstrations, there are no rollouts to replay"));
    }
    if (options_.first_step < 1 || last_step_ < options_.first_step || last_step_ > num_steps) {
      return absl::InvalidArgumentError(
          absl::StrCat("steps: ", options_.first_step, "-", last_step_, " of a run with the steps 1-", num_steps));
    }
    COHORT_ASSIGN_OR_RETURN(
        state_, StartState(options_.run_directory, contents_.run, options_.first_step - 1, options_.device));
    COHORT_RETURN_IF_ERROR(CreateReaders());
    facts_.job = contents_.run.job();
    facts_.start_version = state_.policy_version;
    return absl::OkStatus();
  }

  absl::Status RunStep(const std::function<void(const ReplayedRow&)>& on_row) {
    const cohort::v1::RecordedStep& step = contents_.steps[state_.policy_version];
    COHORT_ASSIGN_OR_RETURN(const StepPayload payload, ReadPayload(step));
    const bool is_compared = !compared_.empty() && state_.policy_version + 1 >= options_.first_step;
    COHORT_ASSIGN_OR_RETURN(const StepData recorded_data, BuildStepData(payload, recorded_.data_options));
    PhaseTimer timer(common::SystemClock());
    std::vector<Comparison> comparisons;
    if (is_compared) COHORT_RETURN_IF_ERROR(Prepare(payload, &comparisons, &timer));
    COHORT_ASSIGN_OR_RETURN(const auto prepared, recorded_step_->gradient().Prepare(recorded_data, &timer));
    for (size_t u = 0; u < prepared.size(); ++u) {
      const int64_t update = static_cast<int64_t>(u);
      if (is_compared) COHORT_RETURN_IF_ERROR(Compare(update, &comparisons, on_row, &timer));
      StepTotals totals;
      COHORT_ASSIGN_OR_RETURN(const double norm,
                              recorded_step_->gradient().Compute(recorded_data, prepared, update, &totals, &timer));
      COHORT_RETURN_IF_ERROR(recorded_step_->Apply(norm, &totals, &timer).status());
    }
    recorded_step_->EndStep();
    COHORT_ASSIGN_OR_RETURN(const auto manifest, model::DescribeWeights(state_.parameters->parameters()));
    const bool is_exact = manifest.digest() == step.digest();
    facts_.num_exact_steps += is_exact;
    if (!is_exact && facts_.first_other_step == 0) facts_.first_other_step = state_.policy_version;
    facts_.digest = manifest.digest();
    ++facts_.num_steps;
    return absl::OkStatus();
  }

  bool IsDone() const { return state_.policy_version >= last_step_; }
  const ReplayFacts& facts() const { return facts_; }

 private:
  // One objective during one step.
  struct Comparison {
    std::unique_ptr<StepGradient> gradient;
    StepData data;
    std::vector<PreparedUpdate> prepared;
  };

  absl::StatusOr<Reader> MakeReader(const cohort::v1::ObjectiveSpec& resolved) {
    Reader reader;
    COHORT_ASSIGN_OR_RETURN(reader.objective, objective::Objective::Create(resolved));
    reader.data_options = DataOptions(contents_.run.spec(), state_.decoder->config());
    reader.data_options.objective = reader.objective.get();
    if (reader.objective->NeedsTokenText()) {
      if (tokenizer_ == nullptr) {
        COHORT_ASSIGN_OR_RETURN(tokenizer_, model::Tokenizer::Load(contents_.run.model_path()));
      }
      reader.data_options.tokenizer = tokenizer_.get();
    }
    if (reader.objective->NeedsReference() && reference_.decoder == nullptr) {
      COHORT_ASSIGN_OR_RETURN(reference_, LoadReference(contents_.run.model_path(), state_));
    }
    return reader;
  }

  absl::Status CreateReaders() {
    const cohort::v1::JobSpec& spec = contents_.run.spec();
    COHORT_ASSIGN_OR_RETURN(recorded_, MakeReader(spec.objective()));
    for (const ReplayedObjective& objective : options_.objectives) {
      objective::ResolutionContext context = objective::ContextOfJob(spec);
      context.fixed_lag = 0;  // nothing is sampled here
      auto resolved = objective::ResolveObjective(objective.spec, context);
      absl::StatusOr<Reader> reader = resolved.ok() ? MakeReader(*resolved) : resolved.status();
      if (!reader.ok()) {
        return absl::Status(reader.status().code(),
                            absl::StrCat("objective ", objective.name, ": ", std::string(reader.status().message())));
      }
      compared_.push_back(*std::move(reader));
    }
    recorded_step_.emplace(StepOptions(spec), recorded_.objective.get(), &reference_, &group_, &state_);
    return absl::OkStatus();
  }

  absl::StatusOr<StepPayload> ReadPayload(const cohort::v1::RecordedStep& step) const {
    StepPayload payload;
    payload.plan = step.plan();
    for (int i = 0; i < step.groups_size(); ++i) {
      const rollout_log::RecordLocation location = rollout_log::FromProto(step.groups(i));
      auto group = rollout_log::ReadRollouts(contents_.run.rollout_log_directory(), location);
      if (location.length_bytes == 0 || absl::IsNotFound(group.status())) {
        return absl::NotFoundError(absl::StrCat("step ", step.plan().version() + 1, ": the rollouts of group ",
                                                step.plan().groups(i).group_id(),
                                                " are not kept any more (JobSpec.retention)"));
      }
      COHORT_RETURN_IF_ERROR(group.status());
      payload.groups.push_back(*std::move(group));
    }
    return payload;
  }

  absl::Status Prepare(const StepPayload& payload, std::vector<Comparison>* comparisons, PhaseTimer* timer) {
    for (const Reader& reader : compared_) {
      Comparison& comparison = comparisons->emplace_back();
      comparison.gradient = std::make_unique<StepGradient>(StepOptions(contents_.run.spec()).gradient,
                                                           reader.objective.get(), &reference_, &group_, &state_);
      COHORT_ASSIGN_OR_RETURN(comparison.data, BuildStepData(payload, reader.data_options));
      COHORT_ASSIGN_OR_RETURN(comparison.prepared, comparison.gradient->Prepare(comparison.data, timer));
    }
    return absl::OkStatus();
  }

  absl::Status Compare(int64_t update, std::vector<Comparison>* comparisons,
                       const std::function<void(const ReplayedRow&)>& on_row, PhaseTimer* timer) {
    ReplayedRow row{.step = state_.policy_version + 1, .update = update};
    std::vector<at::Tensor> gradients_P;
    for (const Comparison& comparison : *comparisons) {
      StepTotals totals;
      COHORT_ASSIGN_OR_RETURN(const double norm, comparison.gradient->Compute(comparison.data, comparison.prepared,
                                                                              update, &totals, timer));
      row.objectives.push_back(
          {.metrics =
               StepMetrics(totals, {.gradient_norm = norm,
                                    .advantage_abs_mean = comparison.data.advantage_abs_mean,
                                    .advantage_std = comparison.data.advantage_std,
                                    .zero_signal_share = comparison.data.zero_signal_share,
                                    .num_updates = 1,
                                    .has_rollouts = true,
                                    .has_reference = compared_[row.objectives.size()].objective->NeedsReference()})});
      COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("gradient copy", [&] {
        gradients_P.push_back(state_.parameters->gradients_L().clone());
        return absl::OkStatus();
      }));
    }
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("cosines", [&] {
      for (size_t i = 0; i < gradients_P.size(); ++i) {
        for (size_t j = 0; j < gradients_P.size(); ++j) {
          const double dot = gradients_P[i].to(at::kDouble).dot(gradients_P[j].to(at::kDouble)).item<double>();
          const double norms =
              row.objectives[i].metrics.at("gradient_norm") * row.objectives[j].metrics.at("gradient_norm");
          row.objectives[i].cosines.push_back(i == j ? 1.0 : norms > 0 ? dot / norms : 0.0);
        }
      }
      return absl::OkStatus();
    }));
    on_row(row);
    return absl::OkStatus();
  }

  const ReplayOptions& options_;
  int64_t last_step_ = 0;
  model::SingleRankGroup group_;
  rollout_log::RecordedRunContents contents_;
  TrainState state_;
  std::unique_ptr<model::Tokenizer> tokenizer_;
  Policy reference_;  // of a KL penalty
  Reader recorded_;
  std::vector<Reader> compared_;
  std::optional<TrainStep> recorded_step_;
  ReplayFacts facts_;
};

}  // namespace

absl::StatusOr<ReplayFacts> Replay(const ReplayOptions& options,
                                   const std::function<void(const ReplayedRow&)>& on_row) {
  Replayer replayer(options);
  COHORT_RETURN_IF_ERROR(replayer.Open());
  while (!replayer.IsDone()) COHORT_RETURN_IF_ERROR(replayer.RunStep(on_row));
  return replayer.facts();
}

}  // namespace cohort::learner
