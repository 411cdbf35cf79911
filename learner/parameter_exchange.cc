// SPDX-License-Identifier: Apache-2.0
// Shapes: P numbers of all parameters, L those of them that this rank holds, S those that it updates, R those of
// neighbouring ones, B numbers of a bucket.
#include "learner/parameter_exchange.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/status_macros.h"
#include "kernels/torch/square_sum_op.h"
#include "kernels/torch/torch_status.h"
#include "learner/flat_layout.h"
#include "learner/number_reduction.h"
#include "learner/optim/gradient_clip.h"

namespace cohort::learner {
namespace {

at::Tensor Part(const at::Tensor& buffer_P, const FlatRange& range) {
  return buffer_P.narrow(0, range.offset, range.size);
}

}  // namespace

ParameterExchange::ParameterExchange(model::ProcessGroup* group, const TrainState* state)
    : group_(group), state_(state), is_sharded_(state->optimizer->is_sharded() && group->world_size() > 1) {}

absl::Status ParameterExchange::ReduceBucket(int64_t bucket) const {
  const FlatParameters& parameters = *state_->parameters;
  const at::Tensor part_B =
      parameters.HeldPart(parameters.gradients_L(), parameters.layout().buckets[static_cast<size_t>(bucket)].range);
  return is_sharded_ ? group_->ReduceScatterSum(part_B) : group_->AllReduceSum(part_B);
}

absl::StatusOr<double> ParameterExchange::GradientNorm() const {
  const FlatParameters& parameters = *state_->parameters;
  const at::Tensor& gradients_L = parameters.gradients_L();
  if (!is_sharded_) return learner::GradientNorm(gradients_L);
  std::vector<double> squares = {0}, no_maxima;
  for (const FlatRange& owned : state_->optimizer->owned().ranges()) {
    squares[0] += kernels::SquareSum(parameters.HeldPart(gradients_L, owned));
  }
  COHORT_RETURN_IF_ERROR(ReduceNumbers(group_, parameters.device(), &squares, &no_maxima));
  return std::sqrt(squares[0]);
}

absl::Status ParameterExchange::GatherWeights() const {
  if (!is_sharded_) return absl::OkStatus();
  const FlatParameters& parameters = *state_->parameters;
  for (const FlatBucket& bucket : parameters.layout().buckets) {
    if (bucket.layer >= 0) continue;
    COHORT_RETURN_IF_ERROR(group_->AllGather(parameters.HeldPart(parameters.weights_L(), bucket.range)));
  }
  return absl::OkStatus();
}

absl::StatusOr<model::ParameterMap> ParameterExchange::GatherParameters(int root) const {
  const FlatParameters& parameters = *state_->parameters;
  const bool is_root = group_->rank() == root;
  if (state_->layers == nullptr) return is_root ? parameters.parameters() : model::ParameterMap();
  model::ParameterMap gathered;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("weights of all ranks", [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(const at::Tensor whole_P,
                            GatherWeightRange({.size = is_root ? parameters.layout().size : 0}));
    if (is_root) gathered = parameters.ViewsOf(whole_P);
    return absl::OkStatus();
  }));
  return gathered;
}

absl::StatusOr<StatePart> ParameterExchange::GatherPart(const SpanRange& spans) const {
  const AdamW& optimizer = *state_->optimizer;
  const FlatRange range = RangeOf(state_->parameters->layout(), spans);
  StatePart part = {.spans = spans};
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("part of the train state", [&]() -> absl::Status {
    if (!is_sharded_) {
      part.weights_R = Part(state_->parameters->weights_L(), range);
      part.exp_avg_R = Part(optimizer.exp_avg_S(), range);
      part.exp_avg_sq_R = Part(optimizer.exp_avg_sq_S(), range);
      return absl::OkStatus();
    }
    if (state_->layers == nullptr) {
      part.weights_R = Part(state_->parameters->weights_L(), range);
    } else {
      COHORT_ASSIGN_OR_RETURN(part.weights_R, GatherWeightRange(range));
    }
    COHORT_ASSIGN_OR_RETURN(part.exp_avg_R, GatherOwnedRange(optimizer.exp_avg_S(), range));
    COHORT_ASSIGN_OR_RETURN(part.exp_avg_sq_R, GatherOwnedRange(optimizer.exp_avg_sq_S(), range));
    return absl::OkStatus();
  }));
  return part;
}

absl::StatusOr<at::Tensor> ParameterExchange::GatherWeightRange(const FlatRange& range) const {
  const FlatParameters& parameters = *state_->parameters;
  return GatherRange(range, [&](const FlatBucket& bucket) -> absl::StatusOr<at::Tensor> {
    if (bucket.layer < 0) return parameters.HeldPart(parameters.weights_L(), bucket.range);
    return GatherBucket(bucket, parameters.HeldPart(parameters.weights_L(), OwnedPiece(bucket, parameters.place())));
  });
}

absl::StatusOr<at::Tensor> ParameterExchange::GatherOwnedRange(const at::Tensor& shard_S,
                                                               const FlatRange& range) const {
  const PackedRanges& owned = state_->optimizer->owned();
  return GatherRange(range, [&](const FlatBucket& bucket) {
    const FlatRange piece = OwnedPiece(bucket, state_->parameters->place());
    return GatherBucket(bucket, shard_S.narrow(0, owned.OffsetOf(piece), piece.size));
  });
}

// Bucket by bucket, so that no rank needs room for more than one and what it asks for; that is host memory.
absl::StatusOr<at::Tensor> ParameterExchange::GatherRange(
    const FlatRange& range, const std::function<absl::StatusOr<at::Tensor>(const FlatBucket&)>& whole_bucket) const {
  const at::Tensor part_R = at::empty({range.size}, at::kFloat);
  for (const FlatBucket& bucket : state_->parameters->layout().buckets) {
    COHORT_ASSIGN_OR_RETURN(const at::Tensor bucket_B, whole_bucket(bucket));
    const int64_t begin = std::max(bucket.range.offset, range.offset);
    const int64_t end = std::min(bucket.range.offset + bucket.range.size, range.offset + range.size);
    if (begin >= end) continue;
    Part(part_R, {begin - range.offset, end - begin}).copy_(Part(bucket_B, {begin - bucket.range.offset, end - begin}));
  }
  return part_R;
}

absl::StatusOr<at::Tensor> ParameterExchange::GatherBucket(const FlatBucket& bucket, const at::Tensor& piece) const {
  const at::Tensor bucket_B = at::empty({bucket.range.size}, piece.options());
  bucket_B.narrow(0, group_->rank() * piece.numel(), piece.numel()).copy_(piece);
  COHORT_RETURN_IF_ERROR(group_->AllGather(bucket_B));
  return bucket_B;
}

}  // namespace cohort::learner
