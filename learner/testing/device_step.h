// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_DEVICE_STEP_H_
#define COHORT_LEARNER_TESTING_DEVICE_STEP_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/torch/wall_budget.h"
#include "learner/batch/train_sequence.h"
#include "learner/step_data.h"
#include "learner/step_gradient.h"
#include "learner/testing/learner_side.h"
#include "learner/testing/padded_peer.h"

namespace cohort::learner {

// What the contenders choose among, tokens of a microbatch, and how large the yardstick's matrices are.
struct StepSettings {
  std::vector<int64_t> kept_tokens;        // ours, activations kept for the backward pass
  std::vector<int64_t> recomputed_tokens;  // ours, computed again in it
  std::vector<int64_t> padded_tokens;      // the peer's
  int64_t product_size = 0;
};

// Times one train step of ours and of the peer in bf16 on a device, and says where our time goes. Prints as it goes.
// Not thread-safe; the pointers must outlive it.
class DeviceStep final {
 public:
  // `peer` may be null: then ours are timed alone.
  DeviceStep(const c10::Device& device, StepData data, StepSettings settings, LearnerSide* ours, PaddedPeer* peer);

  // Each contender makes one step with each of its settings and keeps the fastest; those take turns; our fastest is
  // taken apart. What does not fit into the device's memory is left out with a line; so is, once the budget is spent,
  // what is not begun. Throws what LibTorch throws.
  absl::Status Run(const kernels::WallBudget& budget);

 private:
  struct Setting {
    int64_t max_tokens = 0;
    double padded_share = 0;  // of the tokens computed
    std::function<absl::Status()> run;
    GradientOptions gradient;  // of ours
  };
  struct Contender {
    std::string name;
    bool is_ours = false;
    std::vector<Setting> settings;
    int64_t peak_bytes = 0;  // of the chosen setting, all tensors on the device
  };
  // Of ours.
  struct Fastest {
    const Contender* contender = nullptr;
    double seconds = 0;
    double product_rate = 0;  // floating-point operations a second
  };

  Contender Ours(const std::string& name, const std::vector<int64_t>& max_tokens, bool recompute) const;
  Contender Peers(const std::string& name, const std::vector<TrainSequence>& sequences) const;
  // False where no setting was made.
  bool Choose(const kernels::WallBudget& budget, Contender* contender) const;
  absl::StatusOr<double> Measure(const Setting& setting, int64_t* peak_bytes) const;
  // The chosen settings in turns.
  absl::StatusOr<Fastest> TimeInTurns(const std::vector<Contender>& contenders,
                                      const kernels::WallBudget& budget) const;
  absl::Status PrintPhases(const GradientOptions& gradient) const;
  void PrintOperators(const Fastest& fastest) const;

  const std::vector<TrainSequence>& sequences() const { return data_.updates[0].sequences; }

  const c10::Device device_;
  const StepData data_;
  const StepSettings settings_;
  LearnerSide* const ours_;
  PaddedPeer* const peer_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_DEVICE_STEP_H_
