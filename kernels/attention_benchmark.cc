// SPDX-License-Identifier: Apache-2.0
// kernels/attention.h against ATen's scaled_dot_product_attention on sequences of one length, which ATen takes as one
// dense batch (its best case), on as many threads each as the argument says (1). The bound of packed attention is the
// rate of matrix products for the pairs that a causal mask leaves, a score computed once; that of decode is memory.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/side_by_side.h"
#include "kernels/torch/attention_op.h"
#include "kernels/torch/product_yardstick.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kHeads = 4, kKeyHeads = 2, kDim = 32;
constexpr double kScale = 0.1767766952966369;

double LargestDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

at::Tensor Peer(const at::Tensor& q_TNH, const at::Tensor& k_TKH, const at::Tensor& v_TKH, int64_t length) {
  const auto batch = [&](const at::Tensor& t) { return t.view({-1, length, t.size(1), t.size(2)}).transpose(1, 2); };
  return at::scaled_dot_product_attention(batch(q_TNH), batch(k_TKH), batch(v_TKH), {}, 0.0, /*is_causal=*/true, kScale,
                                          /*enable_gqa=*/true)
      .transpose(1, 2)
      .reshape_as(q_TNH);
}

bool RunShape(int64_t num_sequences, int64_t length) {
  const int64_t num_rows = num_sequences * length;
  std::vector<int32_t> cu_seqlens;
  for (int64_t s = 0; s <= num_sequences; ++s) cu_seqlens.push_back(static_cast<int32_t>(s * length));
  const at::Tensor q = at::randn({num_rows, kHeads, kDim}), k = at::randn({num_rows, kKeyHeads, kDim}),
                   v = at::randn({num_rows, kKeyHeads, kDim}), grad = at::randn({num_rows, kHeads, kDim});
  const std::string shape = std::to_string(num_sequences) + " x " + std::to_string(length) + ", 4/2 heads of 32";
  // Forward: scores and values. Backward: four products more.
  const double forward_flops = 2.0 * 2.0 * kDim * kHeads * static_cast<double>(num_rows * (length + 1) / 2);
  bool equal = true;
  {
    const c10::NoGradGuard no_grad;
    const double difference =
        LargestDifference(PackedCausalAttention(q, k, v, cu_seqlens, {kScale}), Peer(q, k, v, length));
    equal &= RunContest({"attention forward, " + shape, [&] { PackedCausalAttention(q, k, v, cu_seqlens, {kScale}); },
                         [&] { Peer(q, k, v, length); }, forward_flops, difference, 1e-5, std::nullopt,
                         at::get_num_threads(), ProductYardstick()});
  }
  for (const at::Tensor* t : {&q, &k, &v}) t->set_requires_grad(true);
  const auto ours = [&] {
    return torch::autograd::grad({PackedCausalAttention(q, k, v, cu_seqlens, {kScale})}, {q, k, v}, {grad});
  };
  const auto peer = [&] { return torch::autograd::grad({Peer(q, k, v, length)}, {q, k, v}, {grad}); };
  double difference = 0;
  const auto our_gradients = ours(), peer_gradients = peer();
  for (int i = 0; i < 3; ++i) {
    difference = LargerOrNan(difference, LargestDifference(our_gradients[i], peer_gradients[i]));
  }
  equal &= RunContest({"attention forward + backward, " + shape, [&] { ours(); }, [&] { peer(); }, 3 * forward_flops,
                       difference, 1e-4, std::nullopt, at::get_num_threads(), ProductYardstick()});
  return equal;
}

// One decode row per sequence over a paged cache; the peer gets its keys as one dense batch.
bool RunDecode(int64_t num_sequences, int64_t num_keys) {
  const c10::NoGradGuard no_grad;
  const int64_t num_blocks = (num_keys + 15) / 16;
  const at::Tensor q = at::randn({num_sequences, kHeads, kDim});
  const at::Tensor keys = at::randn({num_sequences * num_blocks, 16, kKeyHeads, kDim}), values = at::randn_like(keys);
  std::vector<int32_t> positions(num_sequences, static_cast<int32_t>(num_keys - 1)), sequences;
  std::vector<std::vector<int32_t>> tables;
  for (int64_t s = 0; s < num_sequences; ++s) {
    sequences.push_back(static_cast<int32_t>(s));
    tables.emplace_back();
    for (int64_t b = 0; b < num_blocks; ++b) tables.back().push_back(static_cast<int32_t>(s * num_blocks + b));
  }
  const auto dense = [&](const at::Tensor& cache) {
    return cache.view({num_sequences, num_blocks * 16, kKeyHeads, kDim})
        .narrow(1, 0, num_keys)
        .transpose(1, 2)
        .contiguous();
  };
  const at::Tensor dense_keys = dense(keys), dense_values = dense(values);
  const auto ours = [&] { return PagedAttention(q, keys, values, positions, sequences, tables, {kScale}); };
  const auto peer = [&] {
    return at::scaled_dot_product_attention(q.unsqueeze(2), dense_keys, dense_values, {}, 0.0, /*is_causal=*/false,
                                            kScale, /*enable_gqa=*/true)
        .squeeze(2);
  };
  const double bytes = 4.0 * kDim * static_cast<double>(num_sequences * (2 * kHeads + 2 * kKeyHeads * num_keys));
  return RunContest({"attention decode, " + std::to_string(num_sequences) + " rows over " + std::to_string(num_keys),
                     [&] { ours(); }, [&] { peer(); }, bytes, LargestDifference(ours(), peer()), 1e-5, std::nullopt,
                     at::get_num_threads()});
}

}  // namespace
}  // namespace cohort::kernels

int main(int argc, char** argv) {
  at::set_num_threads(cohort::kernels::ThreadsArgument(argc, argv));
  at::manual_seed(1);
  bool equal = cohort::kernels::RunShape(64, 48);
  equal &= cohort::kernels::RunShape(4, 1024);
  equal &= cohort::kernels::RunDecode(64, 41);
  equal &= cohort::kernels::RunDecode(16, 1000);
  return equal ? 0 : 1;
}
