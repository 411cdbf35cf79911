// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens of a microbatch.
#include "learner/train_step.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/batch/packer.h"
#include "learner/optim/gradient_clip.h"
#include "learner/optim/schedule.h"
#include "learner/policy_pass.h"

namespace cohort::learner {
namespace {

// The log-probs that the sampler reported, beside `like_T`.
at::Tensor BehaviorLogprobs(const Microbatch& microbatch, const at::Tensor& like_T) {
  return at::from_blob(const_cast<float*>(microbatch.behavior_logprobs.data()),
                       {static_cast<int64_t>(microbatch.behavior_logprobs.size())}, at::kFloat)
      .to(like_T.options(), /*non_blocking=*/false, /*copy=*/true);
}

// Label of the first sequence with a log-prob or entropy that is not finite; the first of the microbatch when none is.
std::string FirstNotFinite(const Microbatch& microbatch, const UpdateData& data, const model::TokenLogprobs& policy) {
  const at::Tensor finite_T = policy.logprobs_T.isfinite().logical_and(policy.entropies_T.isfinite()).to(at::kCPU);
  for (int64_t i = microbatch.sequences.begin; i < microbatch.sequences.end; ++i) {
    const int64_t begin = microbatch.trained_cu_seqlens[i - microbatch.sequences.begin];
    const int64_t end = microbatch.trained_cu_seqlens[i - microbatch.sequences.begin + 1];
    if (!finite_T.slice(0, begin, end).all().item<bool>()) return data.sequences[i].label;
  }
  return absl::StrCat("microbatch of ", data.sequences[microbatch.sequences.begin].label, " and following");
}

}  // namespace

std::string TrainStep::Where(int64_t update) const {
  return absl::StrCat("train step ", state_->policy_version, " -> ", state_->policy_version + 1, " update ", update);
}

absl::StatusOr<TrainStep::Outcome> TrainStep::Run(const StepData& data, PhaseTimer* timer) {
  Outcome outcome;
  COHORT_ASSIGN_OR_RETURN(const std::vector<UpdateWork> updates, PrepareUpdates(data, timer));
  for (size_t u = 0; u < updates.size(); ++u) {
    const absl::Status local = Accumulate(data.updates[u], updates[u], &outcome, timer);
    COHORT_RETURN_IF_ERROR(Apply(static_cast<int64_t>(u), local, &outcome, timer));
  }
  outcome.gradient_norm_mean /= static_cast<double>(updates.size());
  ++state_->policy_version;
  return outcome;
}

absl::StatusOr<std::vector<TrainStep::UpdateWork>> TrainStep::PrepareUpdates(const StepData& data, PhaseTimer* timer) {
  std::vector<UpdateWork> updates(data.updates.size());
  for (size_t u = 0; u < updates.size(); ++u) {
    updates[u].microbatches = BuildMicrobatches(data.updates[u].sequences, options_.max_tokens_per_microbatch);
    updates[u].totals = {.num_tokens = data.updates[u].totals.num_tokens,
                         .num_sequences = data.updates[u].totals.num_sequences};
  }
  COHORT_RETURN_IF_ERROR(SumDenominators(data, &updates));
  timer->Mark(Phase::kPrepare);
  if (!objective_->NeedsRollouts()) return updates;
  for (size_t u = 1; u < updates.size(); ++u) {
    for (const Microbatch& microbatch : updates[u].microbatches) {
      COHORT_ASSIGN_OR_RETURN(model::TokenLogprobs proximal,
                              PolicyLogprobsWithoutGradient(*state_->decoder, microbatch, options_.temperature));
      updates[u].proximal_logprobs_T.push_back(std::move(proximal.logprobs_T));
    }
  }
  timer->Mark(Phase::kProximal);
  return updates;
}

// The plan of demonstrations does not know their tokens: the ranks count what they tokenised.
absl::Status TrainStep::SumDenominators(const StepData& data, std::vector<UpdateWork>* updates) {
  if (objective_->NeedsRollouts()) return absl::OkStatus();
  std::vector<int64_t> num_tokens(updates->size(), 0);
  for (size_t u = 0; u < updates->size(); ++u) {
    for (const TrainSequence& sequence : data.updates[u].sequences) num_tokens[u] += sequence.num_completion_tokens();
  }
  return kernels::StatusFromTorch("loss denominators", [&] {
    at::Tensor counts = at::tensor(num_tokens).to(state_->parameters->weights_P().device());
    COHORT_RETURN_IF_ERROR(group_->AllReduceSum(counts));
    for (size_t u = 0; u < updates->size(); ++u) {
      (*updates)[u].totals.num_tokens = counts[static_cast<int64_t>(u)].item<int64_t>();
    }
    return absl::OkStatus();
  });
}

absl::Status TrainStep::Accumulate(const UpdateData& data, const UpdateWork& work, Outcome* outcome,
                                   PhaseTimer* timer) {
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("gradients", [&] {
    state_->parameters->gradients_P().zero_();
    return absl::OkStatus();
  }));
  for (size_t i = 0; i < work.microbatches.size(); ++i) {
    COHORT_RETURN_IF_ERROR(Backpropagate(data, work, i, outcome, timer));
  }
  return absl::OkStatus();
}

absl::Status TrainStep::Backpropagate(const UpdateData& data, const UpdateWork& work, size_t index, Outcome* outcome,
                                      PhaseTimer* timer) {
  const Microbatch& microbatch = work.microbatches[index];
  COHORT_ASSIGN_OR_RETURN(const model::TokenLogprobs policy,
                          PolicyLogprobs(*state_->decoder, microbatch, options_.temperature));
  timer->Mark(Phase::kForward);
  return kernels::StatusFromTorch("loss and backward", [&]() -> absl::Status {
    objective::TokenBatch batch;
    batch.policy_logprobs_T = policy.logprobs_T.detach();
    batch.entropies_T = policy.entropies_T;
    batch.cu_seqlens = microbatch.trained_cu_seqlens;
    if (objective_->NeedsRollouts()) {
      const bool is_first_update = work.proximal_logprobs_T.empty();
      batch.proximal_logprobs_T = is_first_update ? batch.policy_logprobs_T : work.proximal_logprobs_T[index];
      batch.behavior_logprobs_T = BehaviorLogprobs(microbatch, batch.policy_logprobs_T);
      batch.advantages = microbatch.advantages;
    }
    absl::StatusOr<objective::LossAndGradient> loss = objective_->ComputeLoss(batch, work.totals);
    if (!loss.ok()) {
      return absl::Status(loss.status().code(), absl::StrCat(std::string(loss.status().message()), ": ",
                                                             FirstNotFinite(microbatch, data, policy)));
    }
    timer->Mark(Phase::kObjective);
    policy.logprobs_T.backward(loss->gradient_T);
    timer->Mark(Phase::kBackward);
    outcome->totals.Add(loss->sums);
    outcome->totals.Add("sum_loss", loss->loss);
    outcome->totals.Add("count_packed_tokens", static_cast<double>(microbatch.token_ids.size()));
    return absl::OkStatus();
  });
}

absl::Status TrainStep::Apply(int64_t update, const absl::Status& local, Outcome* outcome, PhaseTimer* timer) {
  // A rank whose loss is not finite says so through the gradients, so that every rank stops at the same update.
  if (!local.ok() && !absl::IsInvalidArgument(local)) return local;
  return kernels::StatusFromTorch("update", [&]() -> absl::Status {
    at::Tensor gradients_P = state_->parameters->gradients_P();
    if (!local.ok()) gradients_P.fill_(std::numeric_limits<double>::quiet_NaN());
    COHORT_RETURN_IF_ERROR(group_->AllReduceSum(gradients_P));
    timer->Mark(Phase::kReduce);
    if (!local.ok()) return absl::InvalidArgumentError(absl::StrCat(Where(update), ": ", std::string(local.message())));
    const double norm = GradientNorm(gradients_P);
    if (!std::isfinite(norm)) {
      return absl::InvalidArgumentError(absl::StrCat(Where(update), ": the gradient is not finite (norm ", norm, ")"));
    }
    const double max_norm = options_.optimizer.has_max_gradient_norm() ? options_.optimizer.max_gradient_norm() : 1.0;
    outcome->learning_rate = LearningRate(options_.optimizer, state_->num_updates, options_.num_updates_in_job);
    COHORT_RETURN_IF_ERROR(
        state_->optimizer->Update(outcome->learning_rate, ClipScale(norm, max_norm), state_->num_updates + 1));
    ++state_->num_updates;
    outcome->gradient_norm_mean += norm;
    timer->Mark(Phase::kOptimizer);
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
