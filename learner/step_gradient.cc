// SPDX-License-Identifier: Apache-2.0
#include "learner/step_gradient.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "kernels/torch/torch_status.h"
#include "learner/bucket_watch.h"
#include "learner/loss_batch.h"
#include "learner/number_reduction.h"
#include "learner/parameter_exchange.h"
#include "learner/sequence_search.h"
#include "learner/update_statistics.h"
#include "model/kv_cache.h"
#include "model/logprob.h"

namespace cohort::learner {
namespace {

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

PackingOptions PackingOf(const GradientOptions& options) {
  return {.max_tokens = options.max_tokens_per_microbatch,
          .shared_block_tokens = options.share_prompts ? model::KvCache::kBlockTokens : 0};
}

PolicyPassOptions PassOf(const GradientOptions& options, const objective::Objective& objective) {
  return {.temperature = options.temperature,
          .differentiable_entropies = objective.spec().entropy_coefficient() != 0,
          .recompute_activations = options.recompute_activations};
}

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
    prepared[u].microbatches = BuildMicrobatches(data.updates[u].sequences, PackingOf(options_));
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
    if (absl::IsInvalidArgument(statistics.status()) || absl::IsAborted(statistics.status())) {
      const absl::Status met = absl::IsAborted(statistics.status()) ? absl::OkStatus() : statistics.status();
      FailedUpdate failed = {.update = static_cast<int64_t>(u), .prepared = &prepared[u]};
      COHORT_ASSIGN_OR_RETURN(failed.ranks, RanksThatMet(met));
      return Stop(met, std::move(failed));
    }
    COHORT_RETURN_IF_ERROR(statistics.status());
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
  double norm = 0;
  const absl::Status measured = kernels::StatusFromTorch("gradients", [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(norm, exchange.GradientNorm());
    return absl::OkStatus();
  });
  if (local.ok()) {
    COHORT_RETURN_IF_ERROR(measured);
    if (std::isfinite(norm)) return norm;
  }
  return RefuseGradient(data.updates[update], {.update = update, .prepared = &prepared[update], .is_measured = true},
                        norm, local, timer);
}

// Every rank is here, with a norm that is not finite on any of them: either ranks met a loss that is not, or none did.
absl::Status StepGradient::RefuseGradient(const UpdateData& data, FailedUpdate failed, double norm, absl::Status met,
                                          PhaseTimer* timer) const {
  COHORT_ASSIGN_OR_RETURN(failed.ranks, RanksThatMet(met));
  if (failed.ranks.empty()) {
    const absl::Status together = Together([&] {
      met = SearchGradient(data, *failed.prepared, norm, timer);
      return absl::OkStatus();
    });
    if (met.ok()) COHORT_RETURN_IF_ERROR(together);
    COHORT_ASSIGN_OR_RETURN(failed.ranks, RanksThatMet(met));
  }
  if (failed.ranks.empty()) {
    met = absl::InvalidArgumentError(GradientComplaint(norm, {}));
    for (int rank = 0; rank < group_->world_size(); ++rank) failed.ranks.push_back(rank);
  }
  return Stop(met, std::move(failed));
}

// INVALID_ARGUMENT names the sequences of this rank that are to blame. A search that fails finds none.
absl::Status StepGradient::SearchGradient(const UpdateData& data, const PreparedUpdate& prepared, double norm,
                                          PhaseTimer* timer) const {
  const auto norm_of = [&](const PreparedUpdate& update, size_t index) -> absl::StatusOr<double> {
    COHORT_ASSIGN_OR_RETURN(const MicrobatchLoss loss, microbatch_.ComputeLoss(data.sequences, update, index, timer));
    return microbatch_.NormOf(loss, timer);
  };
  const auto labels = SequencesWithoutFiniteGradient(prepared, data.sequences, norm_of);
  if (!labels.ok()) {
    log::Warning("search for the sequence failed",
                 {{"policy_version", state_->policy_version}, {"reason", labels.status()}});
    return absl::OkStatus();
  }
  return labels->empty() ? absl::OkStatus() : absl::InvalidArgumentError(GradientComplaint(norm, *labels));
}

// The ranks whose status is not OK, on every rank at the same time. Such a rank gets an answer in any case: without its
// peers it is the only one.
absl::StatusOr<std::vector<int>> StepGradient::RanksThatMet(const absl::Status& met) const {
  auto ranks = RanksThat(!met.ok(), group_, state_->parameters->weights_P().device());
  if (!ranks.ok() && !met.ok()) return std::vector<int>{group_->rank()};
  return ranks;
}

// The end of a step that is refused, on every rank at the same time.
absl::Status StepGradient::Stop(const absl::Status& met, FailedUpdate failed) const {
  std::string kept;
  failed.message = absl::StrCat(Where(failed.update), ": ", std::string(met.message()));
  // What a rank keeps may be as large as the weights, and its peers do not time out meanwhile.
  const absl::Status together = Together([&] {
    if (!met.ok() && options_.on_failure != nullptr) kept = options_.on_failure(failed);
    return absl::OkStatus();
  });
  if (!met.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(failed.message, kept.empty() ? "" : "; kept in ", kept));
  }
  COHORT_RETURN_IF_ERROR(together);
  // Those that met it leave to say what it is, which ends the wait.
  COHORT_RETURN_IF_ERROR(group_->Barrier());
  return absl::InvalidArgumentError(
      absl::StrCat(Where(failed.update), ": another rank met a number that is not finite"));
}

absl::Status StepGradient::Accumulate(const UpdateData& data, const PreparedUpdate& prepared,
                                      const CollectiveRelease& release, StepTotals* totals, PhaseTimer* timer) const {
  COHORT_RETURN_IF_ERROR(microbatch_.ZeroGradients());
  const size_t count = prepared.microbatches.size();
  if (count == 0) return absl::OkStatus();
  for (size_t i = 0; i + 1 < count; ++i) COHORT_RETURN_IF_ERROR(Backpropagate(data, prepared, i, totals, timer));
  BucketWatch watch(state_->parameters.get(), release);
  COHORT_RETURN_IF_ERROR(Backpropagate(data, prepared, count - 1, totals, timer));
  return watch.status();
}

absl::Status StepGradient::Backpropagate(const UpdateData& data, const PreparedUpdate& prepared, size_t index,
                                         StepTotals* totals, PhaseTimer* timer) const {
  COHORT_ASSIGN_OR_RETURN(const MicrobatchLoss loss, microbatch_.ComputeLoss(data.sequences, prepared, index, timer));
  COHORT_RETURN_IF_ERROR(microbatch_.AddGradient(loss, timer));
  totals->Add(loss.loss.sums);
  totals->Add("sum_loss", loss.loss.loss);
  totals->Add("count_packed_tokens", static_cast<double>(prepared.microbatches[index].token_ids.size()));
  return absl::OkStatus();
}

}  // namespace cohort::learner
