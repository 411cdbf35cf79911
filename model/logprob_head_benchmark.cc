// SPDX-License-Identifier: Apache-2.0
// model/logprob.h forward and backward against the same in PyTorch's operators with full logits: time, and the most
// bytes of tensors above what both return, of which ours may have an eighth of the peer's. The argument says on how
// many threads each side runs (1). The bound is the rate of matrix products for three of them, of logits and of both
// gradients; ours computes most logits twice to save the memory.
//   bazel run //model:logprob_head_benchmark -- 2
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/side_by_side.h"
#include "kernels/torch/product_yardstick.h"
#include "kernels/torch/tensor_memory.h"
#include "model/logprob.h"
#include "model/testing/full_logits_head.h"

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

// What both sides return: gradients of hidden states and weight, log-probs, entropies.
using Results = std::vector<at::Tensor>;

Head MakeHead(const HeadShape& shape) {
  Head head{at::randn({shape.rows, shape.dim}).requires_grad_(true),
            (at::randn({shape.vocab_size, shape.dim}) * 0.05).requires_grad_(true),
            at::randint(0, shape.vocab_size, {shape.rows}, at::kLong),
            at::randn({shape.rows}),
            {}};
  for (int64_t t = 0; t < shape.rows; ++t) head.targets.push_back(head.targets_T[t].item<int32_t>());
  return head;
}

Results Backward(const Head& head, const TokenLogprobs& outputs, bool with_entropy) {
  Results results = with_entropy
                        ? torch::autograd::grad({outputs.logprobs_T, outputs.entropies_T},
                                                {head.hidden_TD, head.weight_VD}, {head.grad_T, head.grad_T})
                        : torch::autograd::grad({outputs.logprobs_T}, {head.hidden_TD, head.weight_VD}, {head.grad_T});
  results.push_back(outputs.logprobs_T.detach());
  results.push_back(outputs.entropies_T.detach());
  return results;
}

struct Measured {
  Results results;
  int64_t extra_bytes = 0;  // the most that lived at once, less the results and what lived before
};

Measured Measure(const std::function<Results()>& run) {
  kernels::TensorMemory memory;
  const int64_t before = memory.live_bytes();
  Measured measured{.results = run()};
  measured.extra_bytes = memory.peak_bytes() - before;
  for (const at::Tensor& result : measured.results) measured.extra_bytes -= static_cast<int64_t>(result.nbytes());
  return measured;
}

double LargestRelativeDifference(const Results& a, const Results& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = kernels::LargerOrNan(largest, ((a[i] - b[i]).abs().max() / b[i].abs().max()).item<double>());
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
  double difference = 0;
  bool is_small = false;
  {
    const Measured our = Measure(ours), theirs = Measure(peer);
    difference = LargestRelativeDifference(our.results, theirs.results);
    // Where logits are smaller than hidden states, these decide, and there is nothing to save.
    is_small = shape.vocab_size < shape.dim || 8 * our.extra_bytes <= theirs.extra_bytes;
    std::printf("%-44s extra bytes: ours %lld  peer %lld  ours/peer %.3f\n", name.c_str(),
                static_cast<long long>(our.extra_bytes), static_cast<long long>(theirs.extra_bytes),
                static_cast<double>(our.extra_bytes) / static_cast<double>(theirs.extra_bytes));
  }
  const double flops = 3.0 * 2.0 * static_cast<double>(shape.rows * shape.dim * shape.vocab_size);
  const bool equal = kernels::RunContest({"log-prob head, " + name, [&] { ours(); }, [&] { peer(); }, flops, difference,
                                          1e-5, std::nullopt, at::get_num_threads(), kernels::ProductYardstick()});
  return equal && is_small;
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
  }
  good &= cohort::model::RunShape({4096, 256, 32000, /*with_entropy=*/false});
  return good ? 0 : 1;
}
