// SPDX-License-Identifier: Apache-2.0
// kernels/group_advantage.h against eager ATen, one thread each.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <string>

#include "kernels/group_advantage.h"
#include "kernels/shape_text.h"
#include "kernels/side_by_side.h"

namespace cohort::kernels {
namespace {

constexpr double kEpsilon = 1e-6;

at::Tensor PeerStd(const at::Tensor& rewards_GN) {
  auto [std_G, mean_G] = at::std_mean(rewards_GN, at::OptionalIntArrayRef({1}), /*unbiased=*/true, /*keepdim=*/true);
  return rewards_GN.sub(mean_G).div_(std_G.add_(kEpsilon));
}

// The mean by a sum, the deviation by a dot product: other passes, the same values.
at::Tensor PeerStdBySums(const at::Tensor& rewards_GN) {
  const double size = static_cast<double>(rewards_GN.size(1));
  at::Tensor difference_GN = rewards_GN.sub(rewards_GN.sum(1, true).div_(size));
  at::Tensor std_G1 = difference_GN.square().sum(1, true).div_(size - 1).sqrt_().add_(kEpsilon);
  return difference_GN.div_(std_G1);
}

at::Tensor PeerLeaveOneOut(const at::Tensor& rewards_GN) {
  const double size = static_cast<double>(rewards_GN.size(1));
  return rewards_GN.sub(rewards_GN.mean(1, true)).mul_(size / (size - 1));
}

at::Tensor PeerMasked(const at::Tensor& rewards_GN, const at::Tensor& trained_GN) {
  const at::Tensor count_G1 = trained_GN.sum(1, true);
  at::Tensor difference_GN = rewards_GN.sub(rewards_GN.mul(trained_GN).sum(1, true).div_(count_G1)).mul_(trained_GN);
  at::Tensor std_G1 = difference_GN.square().sum(1, true).div_(count_G1 - 1).sqrt_().add_(kEpsilon);
  return difference_GN.div_(std_G1);
}

bool RunShape(int64_t num_groups, int64_t size) {
  const at::Tensor rewards_GN = at::randn({num_groups, size}), advantages_GN = at::empty_like(rewards_GN);
  at::Tensor mask_GN = (at::rand({num_groups, size}) > 0.1).to(at::kByte);
  mask_GN.slice(1, 0, 2).fill_(1);  // two verdicts at least, or the peer divides by 0
  const at::Tensor trained_GN = mask_GN.to(at::kFloat);
  const std::string shape = ShapeText(num_groups, size);
  const double bytes = 8.0 * static_cast<double>(rewards_GN.numel());
  const auto run = [&](const std::string& name, const GroupAdvantageSettings& settings, bool has_mask,
                       const std::function<at::Tensor()>& peer) {
    const auto ours = [&] {
      ComputeGroupAdvantages<float>(settings,
                                    {rewards_GN.const_data_ptr<float>(),
                                     has_mask ? mask_GN.const_data_ptr<uint8_t>() : nullptr, num_groups, size},
                                    advantages_GN.mutable_data_ptr<float>());
    };
    ours();
    const double difference = (advantages_GN - peer()).abs().max().item<double>();
    return RunContest({name + ", " + shape, ours, [&] { peer(); }, has_mask ? 1.125 * bytes : bytes, difference, 1e-3});
  };
  const bool by_sums = Fastest({[&] { PeerStd(rewards_GN); }, [&] { PeerStdBySums(rewards_GN); }}) == 1;
  bool equal = run("group mean and std", {.epsilon = kEpsilon}, false,
                   [&] { return by_sums ? PeerStdBySums(rewards_GN) : PeerStd(rewards_GN); });
  equal &= run("group mean and std, verdict mask", {.epsilon = kEpsilon}, true,
               [&] { return PeerMasked(rewards_GN, trained_GN); });
  equal &= run("leave-one-out", {.leave_one_out = true, .divide_by_std = false}, false,
               [&] { return PeerLeaveOneOut(rewards_GN); });
  return equal;
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  const at::InferenceMode no_history;
  at::set_num_threads(1);
  at::manual_seed(1);
  bool equal = cohort::kernels::RunShape(131072, 8);
  equal &= cohort::kernels::RunShape(128, 8);
  return equal ? 0 : 1;
}
