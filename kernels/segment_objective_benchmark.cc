// SPDX-License-Identifier: Apache-2.0
// kernels/segment_objective.h against eager ATen with autograd, loss and gradient, one thread each.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include "kernels/side_by_side.h"
#include "kernels/torch/segment_objective_op.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kNumTokens = 1 << 20;
constexpr int64_t kSegmentTokens = 512;

struct PeerResult {
  at::Tensor loss, gradient_T;
};

// `segments_T` names each token's segment; undefined for token ratios.
PeerResult Peer(const SegmentBranch& b, const at::Tensor& leaf_T, const at::Tensor& segments_T) {
  at::Tensor log_ratio_T = (leaf_T - b.proximal_logprobs_T).clamp(-20, 20);
  if (segments_T.defined()) {
    const int64_t num_segments = static_cast<int64_t>(b.segment_offsets.size()) - 1;
    const at::Tensor sums_S = at::zeros({num_segments}).index_add(0, segments_T, log_ratio_T);
    log_ratio_T = (sums_S / static_cast<double>(kSegmentTokens)).index_select(0, segments_T);
  }
  const at::Tensor ratio_T = log_ratio_T.exp();
  const at::Tensor clipped_T = ratio_T.clamp(1 - b.clip_low, 1 + b.clip_high);
  const at::Tensor loss = (b.weights_T * at::minimum(ratio_T * b.advantages_T, clipped_T * b.advantages_T)).sum().neg();
  return {loss, torch::autograd::grad({loss}, {leaf_T})[0]};
}

bool RunLevel(bool per_token) {
  SegmentBranch branch;
  branch.proximal_logprobs_T = -at::rand({kNumTokens});
  branch.policy_logprobs_T = branch.proximal_logprobs_T + at::randn({kNumTokens}) * 0.2;
  branch.advantages_T = at::randn({kNumTokens});
  branch.weights_T = at::full({kNumTokens}, 1.0 / kNumTokens);
  branch.clip_low = 0.2;
  branch.clip_high = 0.28;
  at::Tensor segments_T;
  if (!per_token) {
    for (int64_t t = 0; t <= kNumTokens; t += kSegmentTokens) branch.segment_offsets.push_back(t);
    segments_T = at::arange(kNumTokens) / kSegmentTokens;
    segments_T = segments_T.floor().to(at::kLong);
  }
  const at::Tensor leaf_T = branch.policy_logprobs_T.clone().set_requires_grad(true);
  const SegmentObjectiveResult ours = SegmentObjective(branch);
  const PeerResult peer = Peer(branch, leaf_T, segments_T);
  const double difference = std::max((ours.gradient_T - peer.gradient_T).abs().max().item<double>() * kNumTokens,
                                     std::abs(ours.loss - peer.loss.item<double>()));
  return RunContest({per_token ? "token objective, 2^20 tokens" : "segment objective, 2^20 tokens of 512",
                     [&] { SegmentObjective(branch); }, [&] { Peer(branch, leaf_T, segments_T); }, 5.0 * 4 * kNumTokens,
                     difference, 1e-4});
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  at::set_num_threads(1);
  at::manual_seed(1);
  bool equal = cohort::kernels::RunLevel(/*per_token=*/true);
  equal &= cohort::kernels::RunLevel(/*per_token=*/false);
  return equal ? 0 : 1;
}
