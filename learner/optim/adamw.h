// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_OPTIM_ADAMW_H_
#define COHORT_LEARNER_OPTIM_ADAMW_H_

// Shapes: P numbers of all parameters (learner/flat_parameters.h), S those of them that this rank updates. fp32.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "learner/flat_layout.h"
#include "learner/flat_parameters.h"

namespace cohort::learner {

// How much of the weights an update changed, over the numbers that this rank updates: sums of squares.
struct UpdateSize {
  double squared_change = 0;
  double squared_weights = 0;  // after the update
};

// AdamW (Loshchilov and Hutter, arXiv 1711.05101) over the flat buffers, with the weight decay of the selection's
// parameters. Sharded (ZeRO-1 and ZeRO-3), a rank keeps moments for its pieces of the buckets alone, and updates those:
// what this saves is 8 bytes a parameter on every rank but for its share. Not thread-safe.
class AdamW final {
 public:
  // Zero moments. `parameters` must outlive the optimizer.
  static absl::StatusOr<std::unique_ptr<AdamW>> Create(const cohort::v1::OptimizerSpec& spec,
                                                       const FlatParameters* parameters);

  // Update number `update` (from 1) with the gradients that are in the flat buffer, times `gradient_scale`.
  absl::StatusOr<UpdateSize> Update(double learning_rate, double gradient_scale, int64_t update);

  // ZeRO-1 or ZeRO-3, whatever the number of ranks.
  bool is_sharded() const { return is_sharded_; }
  // What this rank updates of the layout: everything, or its pieces of all buckets.
  const PackedRanges& owned() const { return owned_; }
  // First and second moments of the owned ranges, one behind the other.
  const at::Tensor& exp_avg_S() const { return exp_avg_S_; }
  const at::Tensor& exp_avg_sq_S() const { return exp_avg_sq_S_; }
  // Overwrites what this rank has of the moments of one parameter, from all of them on the host, flat. Throws what
  // LibTorch throws.
  void SetMoments(const FlatSpan& span, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq);

 private:
  // Neighbouring numbers that are treated alike.
  struct Run {
    int64_t offset = 0;        // in the buffers of weights and gradients
    int64_t state_offset = 0;  // of its moments
    int64_t size = 0;
    double weight_decay = 0;
  };

  AdamW(const cohort::v1::OptimizerSpec& spec, const FlatParameters* parameters);
  void AddRuns(const FlatRange& range, double weight_decay);

  const cohort::v1::OptimizerSpec spec_;
  const FlatParameters* const parameters_;
  const bool is_sharded_;
  const PackedRanges owned_;
  std::vector<Run> runs_;
  at::Tensor exp_avg_S_;
  at::Tensor exp_avg_sq_S_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_OPTIM_ADAMW_H_
