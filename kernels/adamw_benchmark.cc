// SPDX-License-Identifier: Apache-2.0
// kernels/adamw.h with a gradient scale against ATen's fused AdamW, one thread each.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "kernels/side_by_side.h"
#include "kernels/torch/adamw_op.h"

namespace cohort::kernels {
namespace {

struct State {
  std::vector<at::Tensor> param, grad, exp_avg, exp_avg_sq, step;
};

State MakeState(int64_t count) {
  at::manual_seed(1);
  return {{at::randn({count})}, {at::randn({count})}, {at::zeros({count})}, {at::zeros({count})}, {at::ones({})}};
}

bool RunCount(int64_t count) {
  State ours = MakeState(count), peer = MakeState(count);
  const AdamWSettings settings{.learning_rate = 1e-4, .weight_decay = 0.01};
  const auto run_ours = [&] { AdamWStep(ours.param[0], ours.grad[0], ours.exp_avg[0], ours.exp_avg_sq[0], settings); };
  const auto run_peer = [&] {
    at::_fused_adamw_(peer.param, peer.grad, peer.exp_avg, peer.exp_avg_sq, {}, peer.step, settings.learning_rate,
                      settings.beta1, settings.beta2, settings.weight_decay, settings.epsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
  };
  run_ours();
  run_peer();
  const double difference = (ours.param[0] - peer.param[0]).abs().max().item<double>();
  return RunContest({"AdamW step, " + std::to_string(count) + " parameters", run_ours, run_peer,
                     28.0 * static_cast<double>(count), difference, 1e-6});
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  at::set_num_threads(1);
  bool equal = cohort::kernels::RunCount(900000);
  equal &= cohort::kernels::RunCount(10000000);
  return equal ? 0 : 1;
}
