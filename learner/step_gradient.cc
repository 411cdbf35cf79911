// SPDX-License-Identifier: Apache-2.0
#include "learner/step_gradient.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <limits>
#include <memory>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/bucket_watch.h"
#include "learner/collective_queue.h"
#include "learner/loss_batch.h"
#include "learner/number_reduction.h"
#include "learner/parameter_exchange.h"
#include "learner/update_statistics.h"
#include "model/kv_cache.h"
#include "model/logprob.h"

namespace cohort::learner {
namespace {

constexpr double kNotFinite = std::numeric_limits<double>::quiet_NaN();

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

absl::StatusOr<std::vector<PreparedUpdate>> StepGradient::Prepare(const StepData& data, PhaseTimer* timer) const {
  std::vector<PreparedUpdate> prepared(data.updates.size());
  for (size_t u = 0; u < prepared.size(); ++u) {
    prepared[u].microbatches = BuildMicrobatches(data.updates[u].sequences, PackingOf(options_));
    prepared[u].numbers.resize(prepared[u].microbatches.size());
  }
  timer->Mark(Phase::kPrepare);
  if (shards_layers()) COHORT_RETURN_IF_ERROR(AgreeOnPasses(&prepared));
  if (objective_->NeedsRollouts()) {
    COHORT_RETURN_IF_ERROR(ComputeKnownNumbers(&prepared));
    timer->Mark(Phase::kProximal);
  }
  for (size_t u = 0; u < prepared.size(); ++u) {
    std::vector<std::unique_ptr<LossBatch>> batches;
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("loss batches", [&] {
      batches = KnownBatches(prepared[u], data.updates[u], objective_->UsesBehaviorAsProximal());
      return absl::OkStatus();
    }));
    auto statistics =
        MeasureUpdate(*objective_, batches, data.updates[u].num_groups, group_, state_->parameters->device());
    if (absl::IsInvalidArgument(statistics.status()) || absl::IsAborted(statistics.status())) {
      const absl::Status met = absl::IsAborted(statistics.status()) ? absl::OkStatus() : statistics.status();
      return refusal_.Refuse(met, {.update = static_cast<int64_t>(u), .prepared = &prepared[u]});
    }
    COHORT_RETURN_IF_ERROR(statistics.status());
    prepared[u].statistics = *std::move(statistics);
  }
  timer->Mark(Phase::kObjective);
  return prepared;
}

// Where layers are sharded no rank can make a pass without the others.
absl::Status StepGradient::AgreeOnPasses(std::vector<PreparedUpdate>* prepared) const {
  std::vector<double> counts, no_sums;
  for (const PreparedUpdate& update : *prepared) counts.push_back(static_cast<double>(update.microbatches.size()));
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch(
      "passes of all ranks", [&] { return ReduceNumbers(group_, state_->parameters->device(), &no_sums, &counts); }));
  for (size_t u = 0; u < prepared->size(); ++u) (*prepared)[u].num_passes = static_cast<size_t>(counts[u]);
  return absl::OkStatus();
}

// The ranks' shares differ by as much as their sequences do.
absl::Status StepGradient::ComputeKnownNumbers(std::vector<PreparedUpdate>* prepared) const {
  CollectiveQueue queue(group_, state_->parameters->device());
  return queue.Run([&]() -> absl::Status {
    if (shards_layers()) {
      state_->layers->Begin(&queue);
      if (objective_->NeedsReference()) reference_->layers->Begin(&queue);
    }
    for (size_t u = 0; u < prepared->size(); ++u) {
      COHORT_RETURN_IF_ERROR(ComputeKnownNumbersOf(&(*prepared)[u], /*is_first=*/u == 0));
    }
    return absl::OkStatus();
  });
}

absl::Status StepGradient::ComputeKnownNumbersOf(PreparedUpdate* update, bool is_first) const {
  const bool needs_proximal =
      !objective_->UsesBehaviorAsProximal() && (!is_first || objective_->NeedsProximalPassBeforeStatistics());
  const bool needs_entropies = objective_->NeedsProximalEntropies();
  // `logprobs` stays empty in a pass that only the other ranks need.
  const auto pass = [&](ShardedLayers* layers, const model::Decoder& decoder, size_t index,
                        model::TokenLogprobs* logprobs) -> absl::Status {
    if (layers != nullptr) layers->BeginPass(ShardedLayers::Pass::kForward);
    if (index < update->microbatches.size()) {
      COHORT_ASSIGN_OR_RETURN(
          *logprobs, PolicyLogprobsWithoutGradient(decoder, update->microbatches[index], options_.temperature));
    }
    return layers == nullptr ? absl::OkStatus() : layers->FinishPass(0);
  };
  const size_t num_passes = shards_layers() ? update->num_passes : update->microbatches.size();
  for (size_t i = 0; i < num_passes; ++i) {
    model::TokenLogprobs proximal, reference;
    const bool has_proximal = needs_proximal || (needs_entropies && !is_first);
    if (has_proximal) COHORT_RETURN_IF_ERROR(pass(state_->layers.get(), *state_->decoder, i, &proximal));
    if (objective_->NeedsReference()) {
      COHORT_RETURN_IF_ERROR(pass(reference_->layers.get(), *reference_->decoder, i, &reference));
    }
    if (i >= update->microbatches.size()) continue;
    TokenNumbers& numbers = update->numbers[i];
    if (has_proximal) numbers.proximal_logprobs_T = proximal.logprobs_T;
    if (has_proximal && needs_entropies) numbers.proximal_entropies_T = proximal.entropies_T;
    if (objective_->NeedsReference()) numbers.reference_logprobs_T = reference.logprobs_T;
    COHORT_RETURN_IF_ERROR(MoveToHost(&numbers));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> StepGradient::Compute(const StepData& data, const std::vector<PreparedUpdate>& prepared,
                                             int64_t update, StepTotals* totals, PhaseTimer* timer) const {
  const Share share = {data.updates[update], prepared[update], totals, timer};
  absl::Status local;
  COHORT_RETURN_IF_ERROR(shards_layers() ? ReduceLayersAndBuckets(share, &local) : ReduceBuckets(share, &local));
  timer->Mark(Phase::kReduce);
  double norm = 0;
  const absl::Status measured = kernels::StatusFromTorch("gradients", [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(norm, ParameterExchange(group_, state_).GradientNorm());
    return absl::OkStatus();
  });
  if (local.ok()) {
    COHORT_RETURN_IF_ERROR(measured);
    if (std::isfinite(norm)) return norm;
  }
  return refusal_.RefuseGradient(share.data, {.update = update, .prepared = &share.prepared, .is_measured = true}, norm,
                                 local, timer);
}

// A rank whose loss is not finite (`local` is INVALID_ARGUMENT then) says so through the gradients, so that every rank
// stops at the same update. A loss is checked before its backward pass: no bucket of this rank was released.
absl::Status StepGradient::ReduceBuckets(const Share& share, absl::Status* local) const {
  const ParameterExchange exchange(group_, state_);
  const ReleasedCollectives reductions = {.count = static_cast<int64_t>(state_->parameters->layout().buckets.size()),
                                          .run = [&exchange](int64_t bucket) { return exchange.ReduceBucket(bucket); }};
  const auto work = [&](const CollectiveRelease& release) -> absl::Status {
    *local = Accumulate(share, release);
    if (!absl::IsInvalidArgument(*local)) return *local;
    return kernels::StatusFromTorch("gradients", [&] {
      state_->parameters->gradients_L().fill_(kNotFinite);
      return absl::OkStatus();
    });
  };
  return RunTogether(group_, state_->parameters->device(), reductions, work);
}

// The same with the layers' collectives during the passes, and those of what belongs to no layer behind them.
absl::Status StepGradient::ReduceLayersAndBuckets(const Share& share, absl::Status* local) const {
  const ParameterExchange exchange(group_, state_);
  const FlatParameters& parameters = *state_->parameters;
  const std::vector<FlatBucket>& buckets = parameters.layout().buckets;
  CollectiveQueue queue(group_, parameters.device());
  return queue.Run([&]() -> absl::Status {
    state_->layers->Begin(&queue);
    *local = AccumulateShardedLayers(share);
    if (!local->ok() && !absl::IsInvalidArgument(*local)) return *local;
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (buckets[i].layer >= 0) continue;
      queue.Add([&exchange, &parameters, range = buckets[i].range, i, is_finite = local->ok()] {
        if (!is_finite) parameters.HeldPart(parameters.gradients_L(), range).fill_(kNotFinite);
        return exchange.ReduceBucket(static_cast<int64_t>(i));
      });
    }
    return absl::OkStatus();
  });
}

absl::Status StepGradient::Accumulate(const Share& share, const CollectiveRelease& release) const {
  COHORT_RETURN_IF_ERROR(microbatch_.ZeroGradients());
  const size_t count = share.prepared.microbatches.size();
  if (count == 0) return absl::OkStatus();
  for (size_t i = 0; i + 1 < count; ++i) COHORT_RETURN_IF_ERROR(Backpropagate(share, i));
  BucketWatch watch(state_->parameters.get(), release);
  COHORT_RETURN_IF_ERROR(Backpropagate(share, count - 1));
  return watch.status();
}

absl::Status StepGradient::AccumulateShardedLayers(const Share& share) const {
  COHORT_RETURN_IF_ERROR(microbatch_.ZeroGradients());
  absl::Status met;
  for (size_t i = 0; i < share.prepared.num_passes; ++i) {
    state_->layers->BeginPass(ShardedLayers::Pass::kTraining);
    if (met.ok() && i < share.prepared.microbatches.size()) {
      met = Backpropagate(share, i);
      if (!met.ok() && !absl::IsInvalidArgument(met)) return met;
    }
    COHORT_RETURN_IF_ERROR(state_->layers->FinishPass(met.ok() ? 0 : kNotFinite));
  }
  return met;
}

absl::Status StepGradient::Backpropagate(const Share& share, size_t index) const {
  COHORT_ASSIGN_OR_RETURN(const MicrobatchLoss loss,
                          microbatch_.ComputeLoss(share.data.sequences, share.prepared, index, share.timer));
  COHORT_RETURN_IF_ERROR(microbatch_.AddGradient(loss, share.timer));
  share.totals->Add(loss.loss.sums);
  share.totals->Add("sum_loss", loss.loss.loss);
  share.totals->Add("count_packed_tokens", static_cast<double>(share.prepared.microbatches[index].token_ids.size()));
  return absl::OkStatus();
}

}  // namespace cohort::learner
