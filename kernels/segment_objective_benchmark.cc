// SPDX-License-Identifier: Apache-2.0
// kernels/segment_objective.h against eager ATen, loss and gradient, one thread each. Ours counts the statistics too.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/segment_objective.h"
#include "kernels/side_by_side.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kNumTokens = 1 << 20;
constexpr double kClipLow = 0.2, kClipHigh = 0.28;

// One batch, for ours and for the peer.
struct Batch {
  at::Tensor policy_T, proximal_T, advantages_T, weights_T, mask_T;  // mask_T: uint8, or undefined
  std::vector<int64_t> offsets;                                      // empty: token level
  // What the peer knows of the segments and the mask before the clock starts.
  at::Tensor segments_T, lengths_S, counts_S, trained_T;
};

Batch MakeBatch(std::vector<int64_t> offsets, bool has_mask) {
  Batch b;
  b.proximal_T = -at::rand({kNumTokens});
  b.policy_T = b.proximal_T + at::randn({kNumTokens}) * 0.2;
  b.advantages_T = at::randn({kNumTokens});
  b.weights_T = at::full({kNumTokens}, 1.0 / kNumTokens);
  if (has_mask) {
    b.mask_T = (at::rand({kNumTokens}) > 0.1).to(at::kByte);
    b.trained_T = b.mask_T.to(at::kFloat);
  }
  b.offsets = std::move(offsets);
  if (b.offsets.empty()) return b;
  const at::Tensor bounds = at::tensor(b.offsets, at::kLong);
  b.lengths_S = bounds.slice(0, 1) - bounds.slice(0, 0, -1);
  b.segments_T = at::repeat_interleave(b.lengths_S);
  b.counts_S = at::zeros({b.lengths_S.size(0)})
                   .index_add(0, b.segments_T, has_mask ? b.trained_T : at::ones({kNumTokens}))
                   .clamp_min(1);
  return b;
}

// Sequences of 256 to 1,792 tokens, each cut into 16 segments at random places; or not cut.
std::vector<int64_t> Offsets(bool is_cut) {
  std::mt19937 generator(3);
  std::vector<int64_t> offsets = {0};
  while (offsets.back() < kNumTokens) {
    const int64_t begin = offsets.back();
    const int64_t end = std::min<int64_t>(kNumTokens, begin + 256 + static_cast<int64_t>(generator() % 1537));
    std::set<int64_t> cuts = {end};
    for (int i = 0; is_cut && i < 15 && end - begin > 16; ++i) {
      cuts.insert(begin + 1 + static_cast<int64_t>(generator() % (end - begin - 1)));
    }
    offsets.insert(offsets.end(), cuts.begin(), cuts.end());
  }
  return offsets;
}

struct Result {
  double loss;
  at::Tensor gradient_T;
};

Result Ours(const Batch& b, const at::Tensor& gradient_T) {
  SegmentInputs<float> in{b.policy_T.const_data_ptr<float>(), b.proximal_T.const_data_ptr<float>(),
                          b.advantages_T.const_data_ptr<float>(), b.weights_T.const_data_ptr<float>()};
  in.mask_T = b.mask_T.defined() ? b.mask_T.const_data_ptr<uint8_t>() : nullptr;
  in.num_tokens = kNumTokens;
  in.segment_offsets = b.offsets.empty() ? nullptr : b.offsets.data();
  in.num_segments = static_cast<int64_t>(b.offsets.size()) - 1;
  in.clip_low = kClipLow;
  in.clip_high = kClipHigh;
  return {ComputeSegmentObjective<float>(in, gradient_T.mutable_data_ptr<float>()).loss, gradient_T};
}

enum class Reduction { kIndexAdd, kSegmentReduce };

// The definition with autograd.
Result Autograd(const Batch& b, const at::Tensor& leaf_T, Reduction reduction) {
  at::Tensor log_ratio_T = (leaf_T - b.proximal_T).clamp(-20, 20);
  if (b.segments_T.defined()) {
    if (b.mask_T.defined()) log_ratio_T = log_ratio_T * b.trained_T;
    const at::Tensor sums_S = reduction == Reduction::kIndexAdd
                                  ? at::zeros_like(b.counts_S).index_add(0, b.segments_T, log_ratio_T)
                                  : at::segment_reduce(log_ratio_T, "sum", b.lengths_S);
    log_ratio_T = (sums_S / b.counts_S).index_select(0, b.segments_T);
  }
  const at::Tensor ratio_T = log_ratio_T.exp();
  const at::Tensor clipped_T = ratio_T.clamp(1 - kClipLow, 1 + kClipHigh);
  at::Tensor surrogate_T = b.weights_T * at::minimum(ratio_T * b.advantages_T, clipped_T * b.advantages_T);
  if (b.mask_T.defined()) surrogate_T = surrogate_T * b.trained_T;
  const at::Tensor loss = surrogate_T.sum().neg();
  return {loss.item<double>(), torch::autograd::grad({loss}, {leaf_T})[0]};
}

// The gradient written out, in place where ATen allows: the fewest passes of eager code.
Result ByHand(const Batch& b) {
  at::Tensor log_ratio_T = b.policy_T.sub(b.proximal_T);
  const at::Tensor flows_T = log_ratio_T.abs().le_(20);  // as 0 and 1
  log_ratio_T.clamp_(-20, 20);
  at::Tensor ratio_T;
  if (b.segments_T.defined()) {
    if (b.mask_T.defined()) log_ratio_T.mul_(b.trained_T);
    at::Tensor ratio_S = at::segment_reduce(log_ratio_T, "sum", b.lengths_S).div_(b.counts_S).exp_();
    ratio_T = ratio_S.index_select(0, b.segments_T);
  } else {
    ratio_T = log_ratio_T.exp_();
  }
  at::Tensor weighted_T = b.weights_T.mul(b.advantages_T);
  if (b.mask_T.defined()) weighted_T.mul_(b.trained_T);
  const at::Tensor surrogate_T = ratio_T.mul(weighted_T);
  const at::Tensor clipped_T = ratio_T.clamp(1 - kClipLow, 1 + kClipHigh).mul_(weighted_T);
  const double loss = -at::minimum(surrogate_T, clipped_T).sum().item<double>();
  at::Tensor gradient_T = surrogate_T.mul(surrogate_T.le(clipped_T)).neg_();
  if (b.segments_T.defined()) {
    gradient_T = at::segment_reduce(gradient_T, "sum", b.lengths_S).div_(b.counts_S).index_select(0, b.segments_T);
    if (b.mask_T.defined()) gradient_T.mul_(b.trained_T);
  }
  return {loss, gradient_T.mul_(flows_T)};
}

bool RunLevel(const std::string& name, std::vector<int64_t> offsets, bool has_mask) {
  const Batch b = MakeBatch(std::move(offsets), has_mask);
  const at::Tensor gradient_T = at::empty({kNumTokens});
  const at::Tensor leaf_T = b.policy_T.clone().set_requires_grad(true);
  Ours(b, gradient_T);
  const double tokens = kNumTokens, bytes = 20 * tokens + (has_mask ? tokens : 0);
  const auto difference = [&](const Result& peer) {
    const Result ours = Ours(b, gradient_T);
    return LargerOrNan((ours.gradient_T - peer.gradient_T).abs().max().item<double>() * tokens,
                       std::abs(ours.loss - peer.loss));
  };
  Reduction reduction = Reduction::kIndexAdd;
  if (b.segments_T.defined() && Fastest({[&] { Autograd(b, leaf_T, Reduction::kIndexAdd); },
                                         [&] { Autograd(b, leaf_T, Reduction::kSegmentReduce); }}) == 1) {
    reduction = Reduction::kSegmentReduce;
  }
  bool equal = RunContest({name + ", autograd", [&] { Ours(b, gradient_T); }, [&] { Autograd(b, leaf_T, reduction); },
                           bytes, difference(Autograd(b, leaf_T, reduction)), 1e-4});
  const at::InferenceMode no_history;
  equal &= RunContest({name + ", gradient by hand", [&] { Ours(b, gradient_T); }, [&] { ByHand(b); }, bytes,
                       difference(ByHand(b)), 1e-4});
  return equal;
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  using cohort::kernels::Offsets;
  using cohort::kernels::RunLevel;
  at::set_num_threads(1);
  at::manual_seed(1);
  bool equal = RunLevel("ratio per token", {}, /*has_mask=*/false);
  equal &= RunLevel("16 ragged segments", Offsets(/*is_cut=*/true), /*has_mask=*/false);
  equal &= RunLevel("16 ragged segments, mask", Offsets(/*is_cut=*/true), /*has_mask=*/true);
  equal &= RunLevel("ratio per response", Offsets(/*is_cut=*/false), /*has_mask=*/false);
  return equal ? 0 : 1;
}
