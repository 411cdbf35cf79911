// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_PARAMETER_EXCHANGE_H_
#define COHORT_LEARNER_PARAMETER_EXCHANGE_H_

// Shapes: P numbers of all parameters, S those of them that this rank updates (learner/optim/adamw.h), R those of
// neighbouring parameters.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/flat_layout.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// What the ranks of a gang exchange for one update, by the optimizer's sharding; S is the bytes of all parameters, n
// the number of ranks, and each rank sends:
//
//             gradients                          weights                moments
//   NONE      all-reduce: 2 (n-1)/n S            -                      - (every rank has all)
//   ZERO1     reduce-scatter: (n-1)/n S;         all-gather:            all-gather at a checkpoint:
//             on Gloo 2 (n-1)/n S                (n-1)/n S              2 (n-1)/n S
//   ZERO3     as ZERO1 for what belongs to no layer; layers are exchanged during the passes (sharded_layers.h),
//             and their weights gathered once more for each version and each checkpoint: (n-1)/n
//
// Every rank calls the same methods in the same order. Errors are those of the group; methods throw what LibTorch
// throws unless they say otherwise. Not thread-safe; the pointers must outlive it.
class ParameterExchange final {
 public:
  ParameterExchange(model::ProcessGroup* group, const TrainState* state);

  // Sums the gradients of one bucket of the layout, not one of a sharded layer, over ranks, where this rank updates the
  // weights.
  absl::Status ReduceBucket(int64_t bucket) const;
  // Global norm of the gradients, after all buckets; not finite when any number is not.
  absl::StatusOr<double> GradientNorm() const;
  // Gives every rank the weights that the others have updated, but those of sharded layers.
  absl::Status GatherWeights() const;
  // All parameters, on rank `root` alone; the other ranks get none. With sharded layers a copy in host memory, else the
  // state's own. Throws nothing.
  absl::StatusOr<model::ParameterMap> GatherParameters(int root) const;
  // Weights and moments of these parameters, for a checkpoint; every rank asks for its own. Views of this rank's
  // buffers where it has the numbers, which the next update changes, else host memory of the range alone. Throws
  // nothing.
  absl::StatusOr<StatePart> GatherPart(const SpanRange& spans) const;

 private:
  // Every rank asks for a range of its own, which may be empty.
  absl::StatusOr<at::Tensor> GatherWeightRange(const FlatRange& range) const;
  // Of what each rank has its pieces of all buckets of.
  absl::StatusOr<at::Tensor> GatherOwnedRange(const at::Tensor& shard_S, const FlatRange& range) const;
  absl::StatusOr<at::Tensor> GatherRange(
      const FlatRange& range, const std::function<absl::StatusOr<at::Tensor>(const FlatBucket&)>& whole_bucket) const;
  absl::StatusOr<at::Tensor> GatherBucket(const FlatBucket& bucket, const at::Tensor& piece) const;

  model::ProcessGroup* const group_;
  const TrainState* const state_;
  const bool is_sharded_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_PARAMETER_EXCHANGE_H_
