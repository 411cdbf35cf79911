// SPDX-License-Identifier: Apache-2.0
// K8: gradient norm, clipping, AdamW and the cast to bfloat16 of as many parameters as Qwen3-1.7B has, or fit, against
// what PyTorch does for them: clip_grad_norm_, AdamW with fused=True and a copy, over one tensor a parameter. Ours has
// them in one buffer, as the learner does. Results first, then times in turns.
//   bazel run --config=cuda //kernels/torch:adamw_cuda_benchmark
// Skips where there is no GPU; `-- small` tries it out on the CPU.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kernels/side_by_side.h"
#include "kernels/torch/adamw_op.h"
#include "kernels/torch/device_argument.h"
#include "kernels/torch/device_contest.h"
#include "kernels/torch/square_sum_op.h"
#include "kernels/torch/torch_device.h"
#include "kernels/torch/torch_status.h"
#include "kernels/torch/wall_budget.h"

namespace cohort::kernels {
namespace {

constexpr double kWallSeconds = 45;
constexpr double kMaxNorm = 1.0;
// Both sides keep parameter, gradient and two moments in fp32 and the cast.
constexpr double kBytesPerParameter = 2 * (4 * 4 + 2);
constexpr double kShareOfMemory = 0.85;
// Read the gradient, parameter and moments; write the latter three and the cast. The norm's read comes on top.
constexpr double kLeastBytes = 30;

// Sizes of the tensors of a decoder.
struct ModelShape {
  int64_t vocab_size, hidden, intermediate, query, key_value, num_layers;
};

constexpr ModelShape kQwen3At1700M = {151936, 2048, 6144, 2048, 1024, 28};
constexpr ModelShape kSmall = {64, 8, 24, 8, 4, 3};

std::vector<int64_t> TensorSizes(const ModelShape& s) {
  std::vector<int64_t> sizes = {s.vocab_size * s.hidden, s.hidden};
  for (int64_t layer = 0; layer < s.num_layers; ++layer) {
    for (const int64_t rows : {s.query, s.query, s.key_value, s.key_value}) sizes.push_back(rows * s.hidden);
    for (int i = 0; i < 3; ++i) sizes.push_back(s.intermediate * s.hidden);
    for (int i = 0; i < 2; ++i) sizes.push_back(s.hidden);
  }
  return sizes;
}

int64_t Sum(const std::vector<int64_t>& sizes) {
  int64_t sum = 0;
  for (const int64_t size : sizes) sum += size;
  return sum;
}

AdamWSettings Settings(int64_t step) { return {.learning_rate = 1e-4, .weight_decay = 0.01, .step = step}; }

// Everything in one buffer.
struct OurState {
  at::Tensor param, grad, exp_avg, exp_avg_sq, cast;
  int64_t step = 0;

  void Step() {
    const double norm = std::sqrt(SquareSum(grad));
    AdamWSettings settings = Settings(++step);
    settings.gradient_scale = std::min(1.0, kMaxNorm / (norm + 1e-6));
    AdamWStep(param, grad, exp_avg, exp_avg_sq, settings, cast);
  }
};

OurState MakeOurs(int64_t count, const c10::Device& device) {
  const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(device);
  return {.param = at::randn({count}, options),
          .grad = at::randn({count}, options),
          .exp_avg = at::zeros({count}, options),
          .exp_avg_sq = at::zeros({count}, options),
          .cast = at::zeros({count}, options.dtype(at::kBFloat16))};
}

// One tensor a parameter.
struct PeerState {
  std::vector<at::Tensor> params, grads, exp_avgs, exp_avg_sqs, steps, casts;

  void Step() {
    // As clip_grad_norm_ does: it multiplies whatever the norm is, so the first call leaves gradients of norm 1.
    const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(grads, 2)), 2);
    at::_foreach_mul_(grads, at::clamp(kMaxNorm / (norm + 1e-6), {}, 1.0));
    at::_foreach_add_(steps, 1);
    const AdamWSettings settings = Settings(/*step=*/1);
    at::_fused_adamw_(params, grads, exp_avgs, exp_avg_sqs, {}, steps, settings.learning_rate, settings.beta1,
                      settings.beta2, settings.weight_decay, settings.epsilon, /*amsgrad=*/false, /*maximize=*/false);
    at::_foreach_copy_(casts, params);
  }
};

PeerState CopyOf(const OurState& ours, const std::vector<int64_t>& sizes) {
  PeerState peer;
  int64_t offset = 0;
  for (const int64_t size : sizes) {
    peer.params.push_back(ours.param.narrow(0, offset, size).clone());
    peer.grads.push_back(ours.grad.narrow(0, offset, size).clone());
    peer.exp_avgs.push_back(at::zeros_like(peer.params.back()));
    peer.exp_avg_sqs.push_back(at::zeros_like(peer.params.back()));
    peer.steps.push_back(at::zeros({}, peer.params.back().options()));
    peer.casts.push_back(at::zeros_like(peer.params.back(), at::kBFloat16));
    offset += size;
  }
  return peer;
}

// The largest of parameters and of moments, over the largest number of the tensor; NaN where there is one.
double LargestDifference(const OurState& ours, const PeerState& peer) {
  double largest = 0;
  int64_t offset = 0;
  for (size_t i = 0; i < peer.params.size(); ++i) {
    const int64_t size = peer.params[i].numel();
    const auto compare = [&](const at::Tensor& our, const at::Tensor& their) {
      largest =
          LargerOrNan(largest, ((our.narrow(0, offset, size) - their).abs().max() / their.abs().max()).item<double>());
    };
    compare(ours.param, peer.params[i]);
    compare(ours.exp_avg, peer.exp_avgs[i]);
    compare(ours.exp_avg_sq, peer.exp_avg_sqs[i]);
    offset += size;
  }
  return largest;
}

// Each of its own side's parameters: where those differ in the last bit, the casts may differ by one of theirs.
bool AreCasts(const OurState& ours, const PeerState& peer) {
  for (size_t i = 0; i < peer.params.size(); ++i) {
    if (!at::equal(peer.casts[i], peer.params[i].to(at::kBFloat16))) return false;
  }
  return at::equal(ours.cast, ours.param.to(at::kBFloat16));
}

// Layers are left out until both sides fit.
ModelShape FittingShape(const BenchmarkDevice& where) {
  if (where.is_small) return kSmall;
  ModelShape shape = kQwen3At1700M;
  const double room = kShareOfMemory * static_cast<double>(ReadMemoryBytes(where.device));
  while (shape.num_layers > 1 && kBytesPerParameter * static_cast<double>(Sum(TensorSizes(shape))) > room) {
    --shape.num_layers;
  }
  return shape;
}

bool Run(const BenchmarkDevice& where) {
  const at::NoGradGuard no_grad;
  const WallBudget budget(kWallSeconds);
  const std::vector<int64_t> sizes = TensorSizes(FittingShape(where));
  const int64_t count = Sum(sizes);
  OurState ours = MakeOurs(count, where.device);
  PeerState peer = CopyOf(ours, sizes);
  ours.Step();
  peer.Step();
  if (!AreCasts(ours, peer)) {
    std::printf("K8: a cast is not that of the parameters\n");
    return false;
  }
  Contest contest;
  contest.name = "K8 clip, AdamW, cast, " + std::to_string(count) + " parameters";
  contest.ours = [&] { ours.Step(); };
  contest.peer = [&] { peer.Step(); };
  contest.work = kLeastBytes * static_cast<double>(count);
  contest.difference = LargestDifference(ours, peer);
  contest.allowed = 1e-5;
  contest.yardstick = DeviceCopy(where.device, where.is_small ? int64_t{1} << 16 : int64_t{1} << 30);
  return RunContestOn(where.device, contest, budget);
}

}  // namespace
}  // namespace cohort::kernels

int main(int argc, char** argv) {
  const std::optional<cohort::kernels::BenchmarkDevice> where = cohort::kernels::DeviceArgument(argc, argv);
  if (!where.has_value()) return 0;
  at::manual_seed(1);
  bool good = false;
  const absl::Status status = cohort::kernels::StatusFromTorch("K8", [&] {
    good = cohort::kernels::Run(*where);
    return absl::OkStatus();
  });
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() && good ? 0 : 1;
}
