// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_OPTIM_ADAMW_H_
#define COHORT_LEARNER_OPTIM_ADAMW_H_

// Shapes: P numbers of all parameters (learner/flat_parameters.h). fp32.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "learner/flat_parameters.h"

namespace cohort::learner {

// AdamW (Loshchilov and Hutter, arXiv 1711.05101) over the flat buffers; weight decay on matrices only. Not
// thread-safe.
class AdamW final {
 public:
  // Zero moments. `parameters` must outlive the optimizer.
  static absl::StatusOr<std::unique_ptr<AdamW>> Create(const cohort::v1::OptimizerSpec& spec,
                                                       const FlatParameters* parameters);

  // Update number `update` (from 1) with the gradients that are in the flat buffer, times `gradient_scale`.
  absl::Status Update(double learning_rate, double gradient_scale, int64_t update);

  // First and second moments, to be saved and restored.
  const at::Tensor& exp_avg_P() const { return exp_avg_P_; }
  const at::Tensor& exp_avg_sq_P() const { return exp_avg_sq_P_; }

 private:
  // Neighbouring parameters that are treated alike.
  struct Run {
    int64_t offset = 0;
    int64_t size = 0;
    double weight_decay = 0;
  };

  AdamW(const cohort::v1::OptimizerSpec& spec, const FlatParameters* parameters)
      : spec_(spec), parameters_(parameters) {}
  void BuildRuns();

  const cohort::v1::OptimizerSpec spec_;
  const FlatParameters* const parameters_;
  at::Tensor exp_avg_P_;
  at::Tensor exp_avg_sq_P_;
  std::vector<Run> runs_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_OPTIM_ADAMW_H_
