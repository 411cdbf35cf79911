// SPDX-License-Identifier: Apache-2.0
// model/logprob.h forward and backward against the same in PyTorch's operators with full logits: time, and the most
// bytes of tensors above the gradients that both return. The argument says on how many threads each side runs (1). The
// bound printed is memory traffic of the weight and its gradient alone; products bound the head.
//   bazel run -c opt //model:logprob_head_benchmark -- 2
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/side_by_side.h"
#include "model/logprob.h"
#include "model/testing/full_logits_head.h"
#include "model/testing/tensor_memory.h"

namespace cohort::model {
namespace {

struct HeadShape {
  int64_t rows, dim, vocab_size;
  bool with_entropy;
};

struct Head {
  at::Tensor hidden_TD, weight_VD, targets_T, grad_T;
  std::vector<int32_t> targets;
};

using Gradients = std::vector<at::Tensor>;

Head MakeHead(const HeadShape& shape) {
  Head head{at::randn({shape.rows, shape.dim}).requires_grad_(true),
            (at::randn({shape.vocab_size, shape.dim}) * 0.05).requires_grad_(true),
            at::randint(0, shape.vocab_size, {shape.rows}, at::kLong),
            at::randn({shape.rows}),
            {}};
  for (int64_t t = 0; t < shape.rows; ++t) head.targets.push_back(head.targets_T[t].item<int32_t>());
  return head;
}

Gradients Backward(const Head& head, const TokenLogprobs& outputs, bool with_entropy) {
  if (!with_entropy)
    return torch::autograd::grad({outputs.logprobs_T}, {head.hidden_TD, head.weight_VD}, {head.grad_T});
  return torch::autograd::grad({outputs.logprobs_T, outputs.entropies_T}, {head.hidden_TD, head.weight_VD},
                               {head.grad_T, head.grad_T});
}

int64_t PeakBytes(const std::function<Gradients()>& run) {
  TensorMemory memory;
  int64_t returned = 0;
  for (const at::Tensor& gradient : run()) returned += static_cast<int64_t>(gradient.nbytes());
  return memory.peak_bytes() - returned;
}

double LargestRelativeDifference(const Gradients& a, const Gradients& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, ((a[i] - b[i]).abs().max() / b[i].abs().max()).item<double>());
  }
  return largest;
}

bool RunShape(const HeadShape& shape) {
  const Head head = MakeHead(shape);
  const auto ours = [&] {
    return Backward(head,
                    ComputeTokenLogprobs(head.hidden_TD, head.weight_VD, head.targets, 1.0,
                                         /*max_rows_per_chunk=*/1024, shape.with_entropy)
                        .value(),
                    shape.with_entropy);
  };
  const auto peer = [&] {
    return Backward(head, FullLogitsHead(head.hidden_TD, head.weight_VD, head.targets_T, 1.0, shape.with_entropy),
                    shape.with_entropy);
  };
  const std::string name = std::to_string(shape.rows) + " x " + std::to_string(shape.dim) + " to " +
                           std::to_string(shape.vocab_size) + (shape.with_entropy ? ", entropy" : "");
  const int64_t our_bytes = PeakBytes(ours), peer_bytes = PeakBytes(peer);
  std::printf("%-44s peak bytes: ours %lld  peer %lld  ours/peer %.3f\n", name.c_str(),
              static_cast<long long>(our_bytes), static_cast<long long>(peer_bytes),
              static_cast<double>(our_bytes) / static_cast<double>(peer_bytes));
  const double bytes = 4.0 * 4.0 * static_cast<double>(shape.vocab_size * shape.dim);
  const bool equal =
      kernels::RunContest({"log-prob head, " + name, [&] { ours(); }, [&] { peer(); }, bytes,
                           LargestRelativeDifference(ours(), peer()), 1e-5, std::nullopt, at::get_num_threads() > 1});
  return equal && 8 * our_bytes <= peer_bytes;
}

}  // namespace
}  // namespace cohort::model

int main(int argc, char** argv) {
  at::set_num_threads(cohort::kernels::ThreadsArgument(argc, argv));
  at::manual_seed(1);
  bool good = true;
  for (const bool with_entropy : {false, true}) {
    good &= cohort::model::RunShape({8192, 128, 24, with_entropy});
    good &= cohort::model::RunShape({8192, 256, 4096, with_entropy});
    good &= cohort::model::RunShape({4096, 512, 32000, with_entropy});
  }
  return good ? 0 : 1;
}
