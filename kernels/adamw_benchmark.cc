// SPDX-License-Identifier: Apache-2.0
// kernels/adamw.h against ATen's fused AdamW, alone and with what comes before and behind it in a training step: the
// norm of all gradients and the clipping (the peer: torch.nn.utils.clip_grad_norm_), and the cast to bfloat16. All
// parameters are one tensor on both sides, so that the peer has no cost per tensor. The argument says on how many
// threads each side runs (1).
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/side_by_side.h"
#include "kernels/torch/adamw_op.h"
#include "kernels/torch/square_sum_op.h"

namespace cohort::kernels {
namespace {

constexpr double kMaxNorm = 1.0;

struct State {
  std::vector<at::Tensor> param, grad, exp_avg, exp_avg_sq, step, cast;
};

State MakeState(int64_t count) {
  at::manual_seed(1);
  return {{at::randn({count})}, {at::randn({count})}, {at::zeros({count})},
          {at::zeros({count})}, {at::ones({})},       {at::zeros({count}, at::kBFloat16)}};
}

AdamWSettings Settings() { return {.learning_rate = 1e-4, .weight_decay = 0.01}; }

void PeerStep(State* s) {
  const AdamWSettings settings = Settings();
  at::_fused_adamw_(s->param, s->grad, s->exp_avg, s->exp_avg_sq, {}, s->step, settings.learning_rate, settings.beta1,
                    settings.beta2, settings.weight_decay, settings.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

// As clip_grad_norm_ does: it multiplies whatever the norm is, so the first call leaves gradients of norm 1.
void PeerClip(State* s) {
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(s->grad, 2)), 2);
  at::_foreach_mul_(s->grad, at::clamp(kMaxNorm / (norm + 1e-6), {}, 1.0));
}

void PeerCast(State* s) { s->cast[0].copy_(s->param[0]); }

void OurStep(State* s, double gradient_scale, const at::Tensor& cast) {
  AdamWSettings settings = Settings();
  settings.gradient_scale = gradient_scale;
  AdamWStep(s->param[0], s->grad[0], s->exp_avg[0], s->exp_avg_sq[0], settings, cast);
}

void OurClipStepAndCast(State* s) {
  const double norm = std::sqrt(SquareSum(s->grad[0]));
  OurStep(s, std::min(1.0, kMaxNorm / (norm + 1e-6)), s->cast[0]);
}

double LargestDifference(const State& a, const State& b) {
  double largest = 0;
  for (const auto& [x, y] : {std::pair(a.param[0], b.param[0]), std::pair(a.exp_avg[0], b.exp_avg[0]),
                             std::pair(a.exp_avg_sq[0], b.exp_avg_sq[0])}) {
    largest = LargerOrNan(largest, (x - y).abs().max().item<double>());
  }
  return largest;
}

// Of its own parameters: where those differ in the last bit, the casts may differ by one of theirs.
bool IsCast(const State& s) { return at::equal(s.cast[0], s.param[0].to(at::kBFloat16)); }

bool RunCount(int64_t count) {
  const int num_threads = at::get_num_threads();
  const std::string parameters = std::to_string(count) + " parameters";
  bool equal = true;
  {
    State ours = MakeState(count), peer = MakeState(count);
    OurStep(&ours, 1, {});
    PeerStep(&peer);
    equal &=
        RunContest({"AdamW step, " + parameters, [&] { OurStep(&ours, 1, {}); }, [&] { PeerStep(&peer); },
                    28.0 * static_cast<double>(count), LargestDifference(ours, peer), 1e-6, std::nullopt, num_threads});
  }
  State ours = MakeState(count), peer = MakeState(count);
  const auto run_peer = [&] {
    PeerClip(&peer);
    PeerStep(&peer);
    PeerCast(&peer);
  };
  OurClipStepAndCast(&ours);
  run_peer();
  if (!IsCast(ours) || !IsCast(peer)) {
    std::printf("clip, AdamW, cast, %s: the cast is not that of the parameters\n", parameters.c_str());
    return false;
  }
  // Reads of the gradient for its norm; reads of four arrays, writes of three and of the cast.
  equal &= RunContest({"clip, AdamW, cast, " + parameters, [&] { OurClipStepAndCast(&ours); }, run_peer,
                       (4.0 + 28.0 + 2.0) * static_cast<double>(count), LargestDifference(ours, peer), 1e-6,
                       std::nullopt, num_threads});
  return equal;
}

}  // namespace
}  // namespace cohort::kernels

int main(int argc, char** argv) {
  at::set_num_threads(cohort::kernels::ThreadsArgument(argc, argv));
  bool equal = cohort::kernels::RunCount(900000);
  equal &= cohort::kernels::RunCount(10000000);
  return equal ? 0 : 1;
}
