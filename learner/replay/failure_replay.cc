// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens of a sequence.
#include "learner/replay/failure_replay.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/failure/failed_step_folder.h"
#include "learner/failure/token_lists.h"
#include "learner/job_setup.h"
#include "learner/microbatch_gradient.h"
#include "learner/prepared_update.h"
#include "learner/sequence_search.h"
#include "learner/step_gradient.h"
#include "model/parallel/single_rank_group.h"
#include "model/spec_precision.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::learner {
namespace {

constexpr size_t kMaxShownSequences = 4;  // with their tokens
constexpr int64_t kTokensAround = 8;      // before and behind the first that is to blame

// Numbers of the tokens of one sequence; empty: there are none.
struct TokenColumns {
  std::vector<float> policy_T, policy_entropies_T, proximal_T, proximal_entropies_T, reference_T, behavior_T;
  std::vector<float> loss_gradient_T, entropy_gradient_T;
  std::vector<double> advantages_T;  // where they differ within the sequence
};

std::vector<float> HostNumbers(const at::Tensor& values_T) {
  if (!values_T.defined()) return {};
  const at::Tensor host_T = values_T.detach().to(at::kCPU, at::kFloat).contiguous();
  return {host_T.const_data_ptr<float>(), host_T.const_data_ptr<float>() + host_T.numel()};
}

std::optional<double> At(const std::vector<float>& values_T, int64_t token) {
  if (values_T.empty()) return std::nullopt;
  return values_T[static_cast<size_t>(token)];
}

// Index of the first number that is not finite; the number of numbers when there is none.
template <typename Real>
int64_t FirstNotFinite(const std::vector<Real>& values_T) {
  return std::find_if_not(values_T.begin(), values_T.end(), [](Real x) { return std::isfinite(x); }) - values_T.begin();
}

// The same over all numbers of the tokens; negative when there is none.
int64_t FirstNotFinite(const TokenColumns& columns) {
  const auto num_tokens = static_cast<int64_t>(columns.policy_T.size());
  int64_t first = num_tokens;
  for (const std::vector<float>* values_T :
       {&columns.policy_T, &columns.policy_entropies_T, &columns.proximal_T, &columns.proximal_entropies_T,
        &columns.reference_T, &columns.behavior_T, &columns.loss_gradient_T, &columns.entropy_gradient_T}) {
    if (!values_T->empty()) first = std::min(first, FirstNotFinite(*values_T));
  }
  if (!columns.advantages_T.empty()) first = std::min(first, FirstNotFinite(columns.advantages_T));
  return first < num_tokens ? first : -1;
}

// Everything that a replay keeps while it runs.
class FailureReplayer final {
 public:
  FailureReplayer(const FailureReplayOptions& options, FailedStep step)
      : options_(options), step_(std::move(step)), timer_(common::SystemClock()) {}

  absl::StatusOr<ReplayedFailure> Run() {
    COHORT_RETURN_IF_ERROR(Open());
    ReplayedFailure result = {.job = step_.run.job(),
                              .policy_version = state_.policy_version,
                              .update = step_.update,
                              .rank = step_.rank,
                              .world_size = step_.world_size,
                              .weights = weights_,
                              .recorded = step_.message};
    COHORT_ASSIGN_OR_RETURN(result.replayed, step_.statistics.has_value() ? MeetInUpdate() : MeetAtStart());
    for (size_t i = 0; i < update_.microbatches.size(); ++i) {
      COHORT_ASSIGN_OR_RETURN(const PreparedUpdate apart, SequencesApart(update_, sequences(), i));
      for (size_t j = 0; j < apart.microbatches.size(); ++j) {
        COHORT_ASSIGN_OR_RETURN(ReplayedSequence sequence, LookAt(apart, j));
        result.sequences.push_back(std::move(sequence));
      }
    }
    return result;
  }

 private:
  const std::vector<TrainSequence>& sequences() const {
    return step_data_.updates[static_cast<size_t>(step_.update)].sequences;
  }

  // From the run's folder on: the folder that is named, or the sealed checkpoint of the version that the step began
  // with, where the update began with it, too.
  absl::StatusOr<std::string> FindWeights() const {
    const std::filesystem::path run = options_.run_directory;
    if (std::filesystem::exists(run / step_.weights)) return step_.weights;
    const std::string sealed = SealedFolderPath("checkpoints", step_.payload.plan.version());
    const bool begins_with_version = step_.update == 0 || !step_.statistics.has_value();
    if (begins_with_version && std::filesystem::exists(run / sealed)) return sealed;
    return absl::NotFoundError(
        absl::StrCat((run / step_.weights).string(),
                     ": the model that the update began with is not there: the rank of that folder could not keep it "
                     "('failed step not kept' in its log), or it was removed"));
  }

  absl::Status Open() {
    const cohort::v1::JobSpec& spec = step_.run.spec();
    COHORT_ASSIGN_OR_RETURN(weights_, FindWeights());
    const std::string weights = (std::filesystem::path(options_.run_directory) / weights_).string();
    COHORT_ASSIGN_OR_RETURN(state_, CreateTrainState(weights, UnshardedOptimizer(spec), options_.device, /*place=*/{},
                                                     model::PrecisionOf(spec.model().precision())));
    state_.policy_version = step_.payload.plan.version();
    COHORT_ASSIGN_OR_RETURN(tokenizer_, model::Tokenizer::Load(weights));
    COHORT_ASSIGN_OR_RETURN(objective_, objective::Objective::Create(spec.objective()));
    if (objective_->NeedsReference() && !step_.statistics.has_value()) {
      COHORT_ASSIGN_OR_RETURN(reference_, LoadReference(step_.run.model_path(), state_));
    }
    StepDataOptions data_options = DataOptions(spec, state_.decoder->config());
    data_options.objective = objective_.get();
    data_options.tokenizer = tokenizer_.get();
    data_options.rank = step_.rank;
    data_options.world_size = step_.world_size;
    COHORT_ASSIGN_OR_RETURN(step_data_, BuildStepData(step_.payload, data_options));
    if (step_.update < 0 || step_.update >= static_cast<int64_t>(step_data_.updates.size())) {
      return absl::DataLossError(absl::StrCat("failure.json: the step has no such update (", step_.update, ")"));
    }
    const GradientOptions gradient = StepOptions(spec).gradient;
    step_gradient_.emplace(gradient, objective_.get(), &reference_, &group_, &state_);
    gradient_.emplace(PassOf(gradient, *objective_), objective_.get(), &state_);
    update_.microbatches = BuildMicrobatches(sequences(), PackingOf(gradient));
    update_.numbers.resize(update_.microbatches.size());
    if (step_.statistics.has_value()) update_.statistics = *step_.statistics;
    return SetTokenLists(step_.numbers, &update_);
  }

  // What the rank refused before it knew the denominators.
  absl::StatusOr<std::string> MeetAtStart() {
    const absl::Status prepared = step_gradient_->Prepare(step_data_, &timer_).status();
    if (prepared.ok()) return std::string();
    if (!absl::IsInvalidArgument(prepared)) return prepared;
    return std::string(prepared.message());
  }

  // The losses in order, as the rank computed them, then the sum of their gradients.
  absl::StatusOr<std::string> MeetInUpdate() {
    const std::string where = step_gradient_->Where(step_.update) + ": ";
    COHORT_RETURN_IF_ERROR(gradient_->ZeroGradients());
    for (size_t i = 0; i < update_.microbatches.size(); ++i) {
      const absl::StatusOr<MicrobatchLoss> loss = gradient_->ComputeLoss(sequences(), update_, i, &timer_);
      if (absl::IsInvalidArgument(loss.status())) return where + std::string(loss.status().message());
      COHORT_RETURN_IF_ERROR(loss.status());
      COHORT_RETURN_IF_ERROR(gradient_->AddGradient(*loss, &timer_));
    }
    COHORT_ASSIGN_OR_RETURN(const double norm, gradient_->LocalNorm());
    if (std::isfinite(norm)) return std::string();
    const auto norm_of = [this](const PreparedUpdate& update, size_t index) {
      return gradient_->NormAlone(sequences(), update, index, &timer_);
    };
    COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> labels,
                            SequencesWithoutFiniteGradient(update_, sequences(), norm_of));
    return where + GradientComplaint(norm, labels);
  }

  absl::StatusOr<ReplayedSequence> LookAt(const PreparedUpdate& apart, size_t index) {
    const Microbatch& microbatch = apart.microbatches[index];
    const TrainSequence& sequence = sequences()[static_cast<size_t>(microbatch.sequences.begin)];
    ReplayedSequence result = {
        .label = sequence.label, .num_tokens = sequence.num_completion_tokens(), .advantage = sequence.advantage};
    COHORT_ASSIGN_OR_RETURN(const model::TokenLogprobs policy, gradient_->Forward(microbatch, &timer_));
    COHORT_ASSIGN_OR_RETURN(TokenColumns columns, ColumnsOf(policy, apart, index));
    columns.advantages_T = sequence.layout.token_advantages;
    if (step_.statistics.has_value()) {
      const absl::StatusOr<MicrobatchLoss> loss = gradient_->LossAt(policy, sequences(), apart, index, &timer_);
      if (!loss.ok() && !absl::IsInvalidArgument(loss.status())) return loss.status();
      result.is_finite = loss.ok();
      if (loss.ok()) {
        result.loss = loss->loss.loss;
        columns.loss_gradient_T = loss->loss.gradient_T;
        columns.entropy_gradient_T = loss->loss.entropy_gradient_T;
        COHORT_ASSIGN_OR_RETURN(result.gradient_norm, gradient_->NormOf(*loss, &timer_));
        result.is_finite = std::isfinite(*result.loss) && std::isfinite(*result.gradient_norm);
      }
    }
    int64_t first = FirstNotFinite(columns);
    result.is_finite = result.is_finite && first < 0 && std::isfinite(sequence.advantage);
    if (result.is_finite || num_shown_ == kMaxShownSequences) return result;
    ++num_shown_;
    if (first < 0 && result.gradient_norm.has_value()) {
      COHORT_ASSIGN_OR_RETURN(first, FirstTokenWithoutFiniteGradient(apart, index));
    }
    COHORT_ASSIGN_OR_RETURN(result.tokens, TokensAround(std::max<int64_t>(first, 0), apart, index, columns));
    return result;
  }

  static absl::StatusOr<TokenColumns> ColumnsOf(const model::TokenLogprobs& policy, const PreparedUpdate& apart,
                                                size_t index) {
    TokenColumns columns = {.behavior_T = apart.microbatches[index].behavior_logprobs};
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("numbers of tokens", [&] {
      columns.policy_T = HostNumbers(policy.logprobs_T);
      columns.policy_entropies_T = HostNumbers(policy.entropies_T);
      columns.proximal_T = HostNumbers(apart.numbers[index].proximal_logprobs_T);
      columns.proximal_entropies_T = HostNumbers(apart.numbers[index].proximal_entropies_T);
      columns.reference_T = HostNumbers(apart.numbers[index].reference_logprobs_T);
      return absl::OkStatus();
    }));
    return columns;
  }

  // Norm of the gradient of the tokens [begin, end) of the sequence alone.
  absl::StatusOr<double> NormOfTokens(const PreparedUpdate& apart, size_t index, int64_t begin, int64_t end) {
    COHORT_ASSIGN_OR_RETURN(MicrobatchLoss loss, gradient_->ComputeLoss(sequences(), apart, index, &timer_));
    for (std::vector<float>* gradient_T : {&loss.loss.gradient_T, &loss.loss.entropy_gradient_T}) {
      for (int64_t t = 0; t < static_cast<int64_t>(gradient_T->size()); ++t) {
        if (t < begin || t >= end) (*gradient_T)[static_cast<size_t>(t)] = 0;
      }
    }
    return gradient_->NormOf(loss, &timer_);
  }

  // By halves; where neither half is to blame alone, the first token of both.
  absl::StatusOr<int64_t> FirstTokenWithoutFiniteGradient(const PreparedUpdate& apart, size_t index) {
    int64_t begin = 0;
    auto end = static_cast<int64_t>(apart.microbatches[index].targets.size());
    while (end - begin > 1) {
      const int64_t middle = begin + (end - begin) / 2;
      COHORT_ASSIGN_OR_RETURN(const double left, NormOfTokens(apart, index, begin, middle));
      if (!std::isfinite(left)) {
        end = middle;
        continue;
      }
      COHORT_ASSIGN_OR_RETURN(const double right, NormOfTokens(apart, index, middle, end));
      if (std::isfinite(right)) break;
      begin = middle;
    }
    return begin;
  }

  absl::StatusOr<std::vector<ReplayedToken>> TokensAround(int64_t first, const PreparedUpdate& apart, size_t index,
                                                          const TokenColumns& columns) {
    const std::vector<int32_t>& ids_T = apart.microbatches[index].targets;
    std::vector<ReplayedToken> tokens;
    const int64_t end = std::min(first + kTokensAround + 1, static_cast<int64_t>(ids_T.size()));
    for (int64_t t = std::max<int64_t>(first - kTokensAround, 0); t < end; ++t) {
      ReplayedToken& token = tokens.emplace_back();
      token.token = t;
      token.id = ids_T[static_cast<size_t>(t)];
      COHORT_ASSIGN_OR_RETURN(token.text, tokenizer_->TokenText(token.id));
      token.behavior_logprob = At(columns.behavior_T, t);
      token.policy_logprob = At(columns.policy_T, t);
      token.proximal_logprob = At(columns.proximal_T, t);
      token.reference_logprob = At(columns.reference_T, t);
      token.loss_gradient = At(columns.loss_gradient_T, t);
      if (!token.loss_gradient.has_value()) continue;
      COHORT_ASSIGN_OR_RETURN(token.gradient_norm, NormOfTokens(apart, index, t, t + 1));
    }
    return tokens;
  }

  const FailureReplayOptions options_;
  const FailedStep step_;
  PhaseTimer timer_;
  model::SingleRankGroup group_;
  std::string weights_;  // where they are, from the run's folder on
  TrainState state_;
  std::unique_ptr<model::Tokenizer> tokenizer_;
  Policy reference_;  // of a KL penalty
  std::unique_ptr<objective::Objective> objective_;
  std::optional<StepGradient> step_gradient_;   // of all that the rank had
  std::optional<MicrobatchGradient> gradient_;  // of parts of it
  StepData step_data_;
  PreparedUpdate update_;
  size_t num_shown_ = 0;
};

}  // namespace

absl::StatusOr<ReplayedFailure> ReplayFailure(const FailureReplayOptions& options) {
  const std::filesystem::path folder = std::filesystem::path(options.run_directory) / options.failure;
  COHORT_ASSIGN_OR_RETURN(FailedStep step, ReadFailedStep(folder.string()));
  return FailureReplayer(options, std::move(step)).Run();
}

}  // namespace cohort::learner
