// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_SHARDED_LAYERS_H_
#define COHORT_LEARNER_SHARDED_LAYERS_H_

// Shapes: B numbers of the largest layer's bucket (learner/flat_layout.h).
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/collective_queue.h"
#include "learner/flat_layout.h"
#include "learner/flat_parameters.h"
#include "model/layer_source.h"

namespace cohort::learner {

// The layers of a policy of which every rank holds its pieces alone (ZeRO-3, Rajbhandari et al., arXiv 1910.02054):
// gathers a layer from all ranks while the pass computes with the one before it, and adds the sum over ranks of a
// layer's gradients to the pieces while the pass goes back through the next one. Two layers' weights, and of a policy
// that trains two layers' gradients, are whole at a time. On a GPU collectives and passes share one stream: what is
// gathered ahead waits for the kernels that were launched before.
//
// Collectives need every rank: all make the same number of passes of the same kind in the same order, and a rank that
// has nothing to compute in a pass calls FinishPass at once.
//
//   layers.Begin(&queue);                     // inside queue.Run; weights do not change before the next Begin
//   layers.BeginPass(ShardedLayers::Pass::kTraining);
//   ...                                       // the decoder's forward pass and its backward pass, or neither
//   layers.FinishPass(0);
//
// Not thread-safe: one pass at a time. The pointers must outlive it, the queue until its Run returns.
class ShardedLayers final : public model::LayerSource {
 public:
  // kForward: every layer once; kTraining: there, and back with gradients.
  enum class Pass { kForward, kTraining };

  // RESOURCE_EXHAUSTED when memory is short.
  static absl::StatusOr<std::unique_ptr<ShardedLayers>> Create(const FlatParameters* parameters);

  void Begin(CollectiveQueue* queue);
  void BeginPass(Pass pass);
  // Makes what is left of the pass without computing; every number of the gradients that were not given is `gradient`.
  // INTERNAL when a collective could not be made: CollectiveQueue::Run says why.
  absl::Status FinishPass(double gradient);

  // A layer out of turn is an error.
  std::vector<at::Tensor> Acquire(int64_t layer) override;
  void AddGradients(int64_t layer, const std::vector<at::Tensor>& gradients) override;
  void Release(int64_t layer) override;

 private:
  // Room for one layer.
  struct Slot {
    at::Tensor numbers_B;
    int64_t layer = -1;   // that is there or on its way; of weights alone
    int64_t number = -1;  // of the collective that brings or takes it
  };

  explicit ShardedLayers(const FlatParameters* parameters) : parameters_(parameters) {}
  const FlatBucket& BucketOf(int64_t layer) const;
  bool IsBackward() const { return next_ >= num_layers(); }
  int64_t num_layers() const { return static_cast<int64_t>(buckets_.size()); }
  void Gather(int64_t layer, Slot* slot);
  // Where the gradients of the layer go, once its room is free, and their sum over ranks.
  at::Tensor GradientRoom(int64_t layer);
  void Reduce(int64_t layer);

  const FlatParameters* const parameters_;
  std::vector<size_t> buckets_;  // of the layout, by layer
  CollectiveQueue* queue_ = nullptr;
  std::vector<int64_t> turns_;  // layers in the order of the pass
  int64_t next_ = 0;            // turn
  std::array<Slot, 2> weights_;
  size_t current_ = 0;  // of weights_, the one that is computed with
  std::array<Slot, 2> gradients_;
  size_t current_gradients_ = 0;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_SHARDED_LAYERS_H_
