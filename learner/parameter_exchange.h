// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_PARAMETER_EXCHANGE_H_
#define COHORT_LEARNER_PARAMETER_EXCHANGE_H_

// Shapes: P numbers of all parameters, S those of them that this rank updates (learner/optim/adamw.h).
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
//
// Every rank calls the same methods in the same order. Errors are those of the group; methods throw what LibTorch
// throws unless they say otherwise. Not thread-safe; the pointers must outlive it.
class ParameterExchange final {
 public:
  ParameterExchange(model::ProcessGroup* group, const TrainState* state);

  // Sums the gradients of one bucket of the layout over ranks, where this rank updates the weights.
  absl::Status ReduceBucket(int64_t bucket) const;
  // Global norm of the gradients, after all buckets; not finite when any number is not.
  absl::StatusOr<double> GradientNorm() const;
  // Gives every rank the weights that the others have updated.
  absl::Status GatherWeights() const;
  // The moments of all parameters, for a checkpoint: on rank 0 alone, the other ranks get undefined tensors. Without
  // sharding those of the optimizer itself, uncopied. Throws nothing.
  absl::StatusOr<Moments> GatherMoments() const;

 private:
  absl::StatusOr<at::Tensor> Gather(const at::Tensor& shard_S) const;

  model::ProcessGroup* const group_;
  const TrainState* const state_;
  const bool is_sharded_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_PARAMETER_EXCHANGE_H_
