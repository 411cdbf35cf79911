// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens of a microbatch.
#include "learner/step_gradient.h"

#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/bucket_watch.h"
#include "learner/parameter_exchange.h"
#include "learner/policy_pass.h"
#include "learner/update_statistics.h"

namespace cohort::learner {
namespace {

// A host vector as a tensor beside `like_T`.
at::Tensor TensorLike(std::vector<float>& values, const at::Tensor& like_T) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kFloat)
      .to(like_T.options().requires_grad(false), /*non_blocking=*/false, /*copy=*/true);
}

// The objective reads these twice, for the statistics and at the loss: copied once. Undefined stays so.
absl::Status MoveToHost(TokenNumbers* numbers) {
  return kernels::StatusFromTorch("known numbers", [numbers] {
    for (at::Tensor* values_T :
         {&numbers->proximal_logprobs_T, &numbers->proximal_entropies_T, &numbers->reference_logprobs_T}) {
      if (values_T->defined()) *values_T = values_T->detach().to(at::kCPU, at::kFloat).contiguous();
    }
    return absl::OkStatus();
  });
}

std::vector<std::unique_ptr<LossBatch>> KnownBatches(const PreparedUpdate& prepared, const UpdateData& data,
                                                     bool behavior_is_proximal) {
  std::vector<std::unique_ptr<LossBatch>> batches;
  for (size_t i = 0; i < prepared.microbatches.size(); ++i) {
    batches.push_back(std::make_unique<LossBatch>(prepared.microbatches[i], data.sequences, prepared.numbers[i],
                                                  behavior_is_proximal));
  }
  return batches;
}

}  // namespace

std::string StepGradient::Where(int64_t update) const {
  return absl::StrCat("train step ", state_->policy_version, " -> ", state_->policy_version + 1, " update ", update);
}

// The ranks' shares of an update differ by as much as their sequences do.
absl::Status StepGradient::Together(const std::function<absl::Status()>& work) const {
  return RunTogether(group_, state_->parameters->weights_P().device(), work);
}

absl::StatusOr<std::vector<PreparedUpdate>> StepGradient::Prepare(const StepData& data, PhaseTimer* timer) const {
  std::vector<PreparedUpdate> prepared(data.updates.size());
  for (size_t u = 0; u < prepared.size(); ++u) {
    prepared[u].microbatches = BuildMicrobatches(data.updates[u].sequences, options_.max_tokens_per_microbatch);
    prepared[u].numbers.resize(prepared[u].microbatches.size());
  }
  timer->Mark(Phase::kPrepare);
  if (objective_->NeedsRollouts()) {
    COHORT_RETURN_IF_ERROR(Together([&] { return ComputeKnownNumbers(&prepared); }));
    timer->Mark(Phase::kProximal);
  }
  for (size_t u = 0; u < prepared.size(); ++u) {
    std::vector<std::unique_ptr<LossBatch>> batches;
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("loss batches", [&] {
      batches = KnownBatches(prepared[u], data.updates[u], objective_->UsesBehaviorAsProximal());
      return absl::OkStatus();
    }));
    auto statistics = MeasureUpdate(*objective_, batches, data.updates[u].num_groups, group_,
                                    state_->parameters->weights_P().device());
    if (!statistics.ok()) {
      return absl::Status(statistics.status().code(), absl::StrCat(Where(static_cast<int64_t>(u)), ": ",
                                                                   std::string(statistics.status().message())));
    }
    prepared[u].statistics = *std::move(statistics);
  }
  timer->Mark(Phase::kObjective);
  return prepared;
}

absl::Status StepGradient::ComputeKnownNumbers(std::vector<PreparedUpdate>* prepared) const {
  for (size_t u = 0; u < prepared->size(); ++u) {
    PreparedUpdate& update = (*prepared)[u];
    const bool needs_proximal =
        !objective_->UsesBehaviorAsProximal() && (u > 0 || objective_->NeedsProximalPassBeforeStatistics());
    const bool needs_entropies = objective_->NeedsProximalEntropies();
    for (size_t i = 0; i < update.microbatches.size(); ++i) {
      if (needs_proximal || (needs_entropies && u > 0)) {
        COHORT_ASSIGN_OR_RETURN(
            const model::TokenLogprobs proximal,
            PolicyLogprobsWithoutGradient(*state_->decoder, update.microbatches[i], options_.temperature));
        update.numbers[i].proximal_logprobs_T = proximal.logprobs_T;
        if (needs_entropies) update.numbers[i].proximal_entropies_T = proximal.entropies_T;
      }
      if (objective_->NeedsReference()) {
        COHORT_ASSIGN_OR_RETURN(
            const model::TokenLogprobs reference,
            PolicyLogprobsWithoutGradient(*reference_, update.microbatches[i], options_.temperature));
        update.numbers[i].reference_logprobs_T = reference.logprobs_T;
      }
      COHORT_RETURN_IF_ERROR(MoveToHost(&update.numbers[i]));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<double> StepGradient::Compute(const StepData& data, const std::vector<PreparedUpdate>& prepared,
                                             int64_t update, StepTotals* totals, PhaseTimer* timer) const {
  const ParameterExchange exchange(group_, state_);
  const at::Tensor& gradients_P = state_->parameters->gradients_P();
  const ReleasedCollectives reductions = {.count = static_cast<int64_t>(state_->parameters->layout().buckets.size()),
                                          .run = [&exchange](int64_t bucket) { return exchange.ReduceBucket(bucket); }};
  absl::Status local;
  COHORT_RETURN_IF_ERROR(
      RunTogether(group_, gradients_P.device(), reductions, [&](const CollectiveRelease& release) -> absl::Status {
        local = Accumulate(data.updates[update], prepared[update], release, totals, timer);
        if (!absl::IsInvalidArgument(local)) return local;
        // A rank whose loss is not finite says so through the gradients, so that every rank stops at the same update.
        // A loss is checked before its backward pass: no bucket of this rank was released.
        return kernels::StatusFromTorch("gradients", [&] {
          gradients_P.fill_(std::numeric_limits<double>::quiet_NaN());
          return absl::OkStatus();
        });
      }));
  timer->Mark(Phase::kReduce);
  if (!local.ok()) return absl::InvalidArgumentError(absl::StrCat(Where(update), ": ", std::string(local.message())));
  double norm = 0;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("gradients", [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(norm, exchange.GradientNorm());
    if (std::isfinite(norm)) return absl::OkStatus();
    // A rank that met it has left to say where; when none did, all meet here.
    COHORT_RETURN_IF_ERROR(group_->Barrier());
    return absl::InvalidArgumentError(absl::StrCat(Where(update), ": the gradient is not finite (norm ", norm, ")"));
  }));
  return norm;
}

absl::Status StepGradient::Accumulate(const UpdateData& data, const PreparedUpdate& prepared,
                                      const CollectiveRelease& release, StepTotals* totals, PhaseTimer* timer) const {
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("gradients", [&] {
    state_->parameters->gradients_P().zero_();
    return absl::OkStatus();
  }));
  const size_t count = prepared.microbatches.size();
  if (count == 0) return absl::OkStatus();
  for (size_t i = 0; i + 1 < count; ++i) COHORT_RETURN_IF_ERROR(Backpropagate(data, prepared, i, totals, timer));
  BucketWatch watch(state_->parameters.get(), release);
  COHORT_RETURN_IF_ERROR(Backpropagate(data, prepared, count - 1, totals, timer));
  return watch.status();
}

absl::Status StepGradient::Backpropagate(const UpdateData& data, const PreparedUpdate& prepared, size_t index,
                                         StepTotals* totals, PhaseTimer* timer) const {
  const Microbatch& microbatch = prepared.microbatches[index];
  COHORT_ASSIGN_OR_RETURN(const model::TokenLogprobs policy,
                          PolicyLogprobs(*state_->decoder, microbatch, options_.temperature,
                                         objective_->spec().entropy_coefficient() != 0));
  timer->Mark(Phase::kForward);
  return kernels::StatusFromTorch("loss and backward", [&]() -> absl::Status {
    TokenNumbers numbers = prepared.numbers[index];
    numbers.policy_logprobs_T = policy.logprobs_T;
    numbers.policy_entropies_T = policy.entropies_T;
    if (objective_->NeedsRollouts() && !numbers.proximal_logprobs_T.defined()) {
      numbers.proximal_logprobs_T = policy.logprobs_T;
      numbers.proximal_entropies_T = policy.entropies_T;
    }
    const LossBatch batch(microbatch, data.sequences, numbers, objective_->UsesBehaviorAsProximal());
    COHORT_ASSIGN_OR_RETURN(auto loss, objective_->ComputeLoss(batch.batch(), prepared.statistics));
    timer->Mark(Phase::kObjective);
    const at::Tensor gradient_T = TensorLike(loss.gradient_T, policy.logprobs_T);
    if (loss.entropy_gradient_T.empty()) {
      policy.logprobs_T.backward(gradient_T);
    } else {
      torch::autograd::backward({policy.logprobs_T, policy.entropies_T},
                                {gradient_T, TensorLike(loss.entropy_gradient_T, policy.entropies_T)});
    }
    timer->Mark(Phase::kBackward);
    totals->Add(loss.sums);
    totals->Add("sum_loss", loss.loss);
    totals->Add("count_packed_tokens", static_cast<double>(microbatch.token_ids.size()));
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
