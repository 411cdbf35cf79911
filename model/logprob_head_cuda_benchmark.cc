// SPDX-License-Identifier: Apache-2.0
// The log-prob head on a GPU: model/logprob.h against the same in PyTorch's operators (logits of all rows, log_softmax
// in fp32, gather, entropy), in bf16 with the vocabulary of Qwen3.
//   K1  log-probs and entropies without gradients; the bound is one product, 2nDV
//   K2  log-probs, then gradients of hidden states and weight; the bound is four products, 8nDV, of which one computes
//       the logits again instead of keeping them
// Both sides are first held against fp32 numbers; ours may be further from them than the bound only if the peer is
// further still. Bounds are at the rate of a large bf16 product in the same rounds.
//   bazel run --config=cuda //model:logprob_head_cuda_benchmark
// Skips where there is no GPU; `-- small` tries it out on the CPU. Shapes: T rows, D hidden size, V vocabulary.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kernels/side_by_side.h"
#include "kernels/torch/device_argument.h"
#include "kernels/torch/device_contest.h"
#include "kernels/torch/torch_device.h"
#include "kernels/torch/torch_status.h"
#include "kernels/torch/wall_budget.h"
#include "model/logprob.h"
#include "model/testing/full_logits_head.h"

namespace cohort::model {
namespace {

constexpr double kWallSeconds = 75;
constexpr int64_t kMostRows = 16384;
constexpr int64_t kReferenceRows = 1024;  // of fp32 logits at a time
constexpr double kAllowedNats = 2e-2;     // bf16 logits around 4 are rounded by up to 0.016
constexpr double kAllowedGradient = 1e-2;
// The peer's tensors at its fullest moment: logits in bf16 and fp32, log-probs, and gradients of all of them.
constexpr double kPeerBytesPerLogit = 24;
constexpr double kShareOfMemory = 0.8;

struct HeadShape {
  int64_t rows, dim, vocab_size;

  double Product() const {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(dim) * static_cast<double>(vocab_size);
  }
  std::string Name() const {
    return std::to_string(rows) + " x " + std::to_string(dim) + " to " + std::to_string(vocab_size);
  }
};

struct Head {
  at::Tensor hidden_TD;  // bf16
  at::Tensor weight_VD;  // fp32, as a learner has it; both sides round it in every pass
  at::Tensor targets_T;  // int64
  at::Tensor grad_T;     // fp32, what reaches the log-probs
  std::vector<int32_t> targets;
};

struct Numbers {
  at::Tensor logprobs_T, entropies_T, grad_hidden_TD, grad_weight_VD;
};

Head MakeHead(const HeadShape& shape, const c10::Device& device) {
  const at::TensorOptions options = at::TensorOptions().dtype(at::kBFloat16).device(device);
  const at::Tensor targets_T = at::randint(0, shape.vocab_size, {shape.rows}, at::kLong);
  const int64_t* first = targets_T.const_data_ptr<int64_t>();
  return {
      .hidden_TD = at::randn({shape.rows, shape.dim}, options).requires_grad_(true),
      .weight_VD = (at::randn({shape.vocab_size, shape.dim}, options.dtype(at::kFloat)) * 0.02).requires_grad_(true),
      .targets_T = targets_T.to(device),
      .grad_T = at::randn({shape.rows}, options.dtype(at::kFloat)),
      .targets = std::vector<int32_t>(first, first + shape.rows)};
}

TokenLogprobs Ours(const Head& head) {
  return ComputeTokenLogprobs(head.hidden_TD, head.weight_VD, head.targets, /*temperature=*/1.0).value();
}

// A temperature of 1 saves it a pass over the logits.
TokenLogprobs Peer(const Head& head) {
  return FullLogitsHead(head.hidden_TD, head.weight_VD.to(at::kBFloat16), head.targets_T, /*temperature=*/1.0,
                        /*differentiable_entropies=*/false);
}

template <typename Forward>
TokenLogprobs WithoutGradient(const Head& head, Forward forward) {
  const at::NoGradGuard no_grad;
  return forward(head);
}

template <typename Forward>
std::vector<at::Tensor> Gradients(const Head& head, Forward forward) {
  return torch::autograd::grad({forward(head).logprobs_T}, {head.hidden_TD, head.weight_VD}, {head.grad_T});
}

// The same inputs in fp32 arithmetic.
Numbers Reference(const Head& head) {
  const at::Tensor weight_VD = head.weight_VD.detach().to(at::kBFloat16).to(at::kFloat).requires_grad_(true);
  Numbers sum{.grad_weight_VD = at::zeros_like(weight_VD.detach())};
  std::vector<at::Tensor> logprobs, entropies, grads;
  for (int64_t first = 0; first < head.hidden_TD.size(0); first += kReferenceRows) {
    const int64_t count = std::min(kReferenceRows, head.hidden_TD.size(0) - first);
    const at::Tensor hidden = head.hidden_TD.detach().narrow(0, first, count).to(at::kFloat).requires_grad_(true);
    const TokenLogprobs outputs = FullLogitsHead(hidden, weight_VD, head.targets_T.narrow(0, first, count), 1.0,
                                                 /*differentiable_entropies=*/false);
    const std::vector<at::Tensor> gradients =
        torch::autograd::grad({outputs.logprobs_T}, {hidden, weight_VD}, {head.grad_T.narrow(0, first, count)});
    logprobs.push_back(outputs.logprobs_T.detach());
    entropies.push_back(outputs.entropies_T.detach());
    grads.push_back(gradients[0]);
    sum.grad_weight_VD.add_(gradients[1]);
  }
  sum.logprobs_T = at::cat(logprobs);
  sum.entropies_T = at::cat(entropies);
  sum.grad_hidden_TD = at::cat(grads);
  return sum;
}

// The largest of all rows, in nats.
double ValueError(const TokenLogprobs& found, const Numbers& truth) {
  const auto largest = [](const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); };
  return kernels::LargerOrNan(largest(found.logprobs_T, truth.logprobs_T),
                              largest(found.entropies_T, truth.entropies_T));
}

// L2 norm of the difference over that of the gradient, of the worse of the two.
double GradientError(const std::vector<at::Tensor>& found, const Numbers& truth) {
  const auto relative = [](const at::Tensor& a, const at::Tensor& b) {
    return ((a.to(at::kFloat) - b).norm() / b.norm()).item<double>();
  };
  return kernels::LargerOrNan(relative(found[0], truth.grad_hidden_TD), relative(found[1], truth.grad_weight_VD));
}

bool RunShape(const HeadShape& shape, const kernels::BenchmarkDevice& where, const kernels::WallBudget& budget) {
  const Head head = MakeHead(shape, where.device);
  kernels::Contest values, gradients;
  {
    const Numbers truth = Reference(head);
    values.difference = ValueError(WithoutGradient(head, Ours), truth);
    values.peer_error = ValueError(WithoutGradient(head, Peer), truth);
    gradients.difference = GradientError(Gradients(head, Ours), truth);
    gradients.peer_error = GradientError(Gradients(head, Peer), truth);
  }
  values.name = "K1 values, " + shape.Name();
  values.ours = [&] { WithoutGradient(head, Ours); };
  values.peer = [&] { WithoutGradient(head, Peer); };
  values.work = shape.Product();
  values.allowed = kAllowedNats;
  values.yardstick = kernels::DeviceProduct(where.device, where.is_small ? 64 : 8192);
  gradients.name = "K2 gradients, " + shape.Name();
  gradients.ours = [&] { Gradients(head, Ours); };
  gradients.peer = [&] { Gradients(head, Peer); };
  gradients.work = 4 * shape.Product();
  gradients.allowed = kAllowedGradient;
  gradients.yardstick = values.yardstick;
  const bool good = kernels::RunContestOn(where.device, values, budget);
  return kernels::RunContestOn(where.device, gradients, budget) && good;
}

// Fewer rows where the peer's logits would not fit.
int64_t FittingRows(int64_t vocab_size, const c10::Device& device) {
  const double room = kShareOfMemory * static_cast<double>(kernels::ReadMemoryBytes(device));
  int64_t rows = kMostRows;
  while (rows > 1024 && kPeerBytesPerLogit * static_cast<double>(rows * vocab_size) > room) rows /= 2;
  return rows;
}

std::vector<HeadShape> Shapes(const kernels::BenchmarkDevice& where) {
  if (where.is_small) return {{72, 16, 300}, {40, 32, 300}};
  constexpr int64_t kVocabulary = 151936;
  const int64_t rows = FittingRows(kVocabulary, where.device);
  return {{rows, 1024, kVocabulary}, {rows, 2048, kVocabulary}, {rows, 4096, kVocabulary}};
}

bool Run(const kernels::BenchmarkDevice& where) {
  const kernels::WallBudget budget(kWallSeconds);
  bool good = true;
  for (const HeadShape& shape : Shapes(where)) {
    if (budget.IsSpent()) {
      std::printf("K1, K2, %s: not run, %.0f s are over\n", shape.Name().c_str(), budget.seconds());
      continue;
    }
    const absl::Status status = kernels::StatusFromTorch(shape.Name(), [&] {
      good &= RunShape(shape, where, budget);
      return absl::OkStatus();
    });
    if (!status.ok()) {
      std::printf("K1, K2: %s\n", status.ToString().c_str());
      good = false;
    }
    kernels::ReleaseCachedMemory(where.device);
  }
  return good;
}

}  // namespace
}  // namespace cohort::model

int main(int argc, char** argv) {
  const std::optional<cohort::kernels::BenchmarkDevice> where = cohort::kernels::DeviceArgument(argc, argv);
  if (!where.has_value()) return 0;
  at::manual_seed(1);
  return cohort::model::Run(*where) ? 0 : 1;
}
