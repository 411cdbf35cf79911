// SPDX-License-Identifier: Apache-2.0
// Shapes: P numbers of all parameters, S those of them that this rank updates, B numbers of a bucket.
#include "learner/parameter_exchange.h"

#include <ATen/ops/empty.h>

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
  const at::Tensor part_B =
      Part(state_->parameters->gradients_P(), state_->parameters->layout().buckets[static_cast<size_t>(bucket)].range);
  return is_sharded_ ? group_->ReduceScatterSum(part_B) : group_->AllReduceSum(part_B);
}

absl::StatusOr<double> ParameterExchange::GradientNorm() const {
  const at::Tensor& gradients_P = state_->parameters->gradients_P();
  if (!is_sharded_) return learner::GradientNorm(gradients_P);
  std::vector<double> squares = {0}, no_maxima;
  for (const FlatRange& owned : state_->optimizer->owned()) squares[0] += kernels::SquareSum(Part(gradients_P, owned));
  COHORT_RETURN_IF_ERROR(ReduceNumbers(group_, gradients_P.device(), &squares, &no_maxima));
  return std::sqrt(squares[0]);
}

absl::Status ParameterExchange::GatherWeights() const {
  if (!is_sharded_) return absl::OkStatus();
  for (const FlatBucket& bucket : state_->parameters->layout().buckets) {
    COHORT_RETURN_IF_ERROR(group_->AllGather(Part(state_->parameters->weights_P(), bucket.range)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Moments> ParameterExchange::GatherMoments() const {
  const AdamW& optimizer = *state_->optimizer;
  Moments moments;
  if (!is_sharded_) {
    if (group_->rank() == 0) moments = {.exp_avg_P = optimizer.exp_avg_S(), .exp_avg_sq_P = optimizer.exp_avg_sq_S()};
    return moments;
  }
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("optimizer state of all ranks", [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(moments.exp_avg_P, Gather(optimizer.exp_avg_S()));
    COHORT_ASSIGN_OR_RETURN(moments.exp_avg_sq_P, Gather(optimizer.exp_avg_sq_S()));
    return absl::OkStatus();
  }));
  return moments;
}

// Bucket by bucket, so that no rank but the one that writes needs room for all of it; that one takes host memory.
absl::StatusOr<at::Tensor> ParameterExchange::Gather(const at::Tensor& shard_S) const {
  const FlatLayout& layout = state_->parameters->layout();
  at::Tensor whole_P;
  if (group_->rank() == 0) whole_P = at::empty({layout.size}, at::kFloat);
  int64_t done = 0;
  for (auto bucket = layout.buckets.rbegin(); bucket != layout.buckets.rend(); ++bucket) {  // as owned ranges rise
    const int64_t piece = bucket->range.size / group_->world_size();
    const at::Tensor bucket_B = at::empty({bucket->range.size}, shard_S.options());
    bucket_B.narrow(0, group_->rank() * piece, piece).copy_(shard_S.narrow(0, done, piece));
    COHORT_RETURN_IF_ERROR(group_->AllGather(bucket_B));
    if (whole_P.defined()) Part(whole_P, bucket->range).copy_(bucket_B);
    done += piece;
  }
  return whole_P;
}

}  // namespace cohort::learner
