// SPDX-License-Identifier: Apache-2.0
// kernels/logprob.h against ATen's log_softmax + gather (+ entropy, + the in-place gradient), one thread each. Ours is
// checked against ATen in double.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "kernels/side_by_side.h"
#include "kernels/torch/logprob_op.h"

namespace cohort::kernels {
namespace {

double LargestDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

// `rows_at_a_time` keeps the temporaries in a cache.
LogprobAndEntropy PeerForward(const at::Tensor& logits_TV, const at::Tensor& targets_T, int64_t rows_at_a_time) {
  std::vector<at::Tensor> logprobs, entropies;
  const int64_t num_rows = logits_TV.size(0);
  for (int64_t first = 0; first < num_rows; first += rows_at_a_time) {
    const int64_t end = std::min(num_rows, first + rows_at_a_time);
    const at::Tensor all_TV = at::log_softmax(logits_TV.slice(0, first, end), -1);
    logprobs.push_back(all_TV.gather(1, targets_T.slice(0, first, end).unsqueeze(1)).squeeze(1));
    entropies.push_back(all_TV.exp().mul_(all_TV).sum(-1).neg_());
  }
  if (logprobs.size() == 1) return {logprobs[0], entropies[0]};
  return {at::cat(logprobs), at::cat(entropies)};
}

// In place on the softmax, the fewest passes ATen allows.
at::Tensor PeerBackward(const at::Tensor& logits_TV, const at::Tensor& targets_T, const at::Tensor& grad_T) {
  at::Tensor gradient_TV = at::softmax(logits_TV, -1);
  gradient_TV.mul_(grad_T.neg().unsqueeze(1));
  return gradient_TV.scatter_add_(1, targets_T.unsqueeze(1), grad_T.unsqueeze(1));
}

at::Tensor PeerEntropyBackward(const at::Tensor& logits_TV, const at::Tensor& targets_T, const at::Tensor& grad_T,
                               const at::Tensor& entropy_grad_T) {
  at::Tensor all_TV = at::log_softmax(logits_TV, -1);
  const at::Tensor p_TV = all_TV.exp();
  const at::Tensor entropies_T = p_TV.mul(all_TV).sum(-1).neg_();
  all_TV.add_(entropies_T.unsqueeze(1)).mul_(entropy_grad_T.unsqueeze(1)).add_(grad_T.unsqueeze(1));
  return all_TV.mul_(p_TV).neg_().scatter_add_(1, targets_T.unsqueeze(1), grad_T.unsqueeze(1));
}

bool RunShape(int64_t num_rows, int64_t vocab_size) {
  const at::Tensor logits_TV = at::randn({num_rows, vocab_size}) * 3, grad_T = at::randn({num_rows});
  const at::Tensor targets_T = at::randint(0, vocab_size, {num_rows}, at::kLong);
  const std::string shape = std::to_string(num_rows) + " x " + std::to_string(vocab_size);
  const LogprobAndEntropy ours = LogprobForward(logits_TV, targets_T, 1.0);
  const LogprobAndEntropy exact = PeerForward(logits_TV.to(at::kDouble), targets_T, num_rows);
  const std::vector<int64_t> cuts = {num_rows, (num_rows + 7) / 8, (num_rows + 63) / 64};
  std::vector<std::function<void()>> ways;
  for (const int64_t cut : cuts) ways.push_back([&, cut] { PeerForward(logits_TV, targets_T, cut); });
  const int64_t best_cut = cuts[Fastest(ways)];
  const double bytes = 4.0 * static_cast<double>(logits_TV.numel());
  bool equal = RunContest({"logprob + entropy, " + shape, [&] { LogprobForward(logits_TV, targets_T, 1.0); },
                           [&] { PeerForward(logits_TV, targets_T, best_cut); }, bytes,
                           std::max(LargestDifference(ours.logprobs_T, exact.logprobs_T),
                                    LargestDifference(ours.entropies_T, exact.entropies_T)),
                           2e-5});
  at::Tensor work_TV = logits_TV.clone();
  LogprobBackwardInPlace(work_TV, targets_T, {grad_T, {}}, 1.0);
  const at::Tensor exact_logits_TV = logits_TV.to(at::kDouble), exact_grad_T = grad_T.to(at::kDouble);
  const double difference = LargestDifference(work_TV, PeerBackward(exact_logits_TV, targets_T, exact_grad_T));
  // Ours overwrites its input; the copy that restores it is part of our time.
  equal &= RunContest({"logprob backward, " + shape,
                       [&] {
                         work_TV.copy_(logits_TV);
                         LogprobBackwardInPlace(work_TV, targets_T, {grad_T, {}}, 1.0);
                       },
                       [&] { PeerBackward(logits_TV, targets_T, grad_T); }, 2 * bytes, difference, 2e-6});
  const at::Tensor entropy_grad_T = at::randn({num_rows});
  const auto with_entropy = [&] {
    work_TV.copy_(logits_TV);
    LogprobBackwardInPlace(work_TV, targets_T, {grad_T, entropy_grad_T}, 1.0);
  };
  with_entropy();
  const auto peer_with_entropy = [&] { return PeerEntropyBackward(logits_TV, targets_T, grad_T, entropy_grad_T); };
  equal &= RunContest({"log-prob and entropy backward, " + shape, with_entropy, [&] { peer_with_entropy(); }, 2 * bytes,
                       LargestDifference(work_TV, PeerEntropyBackward(exact_logits_TV, targets_T, exact_grad_T,
                                                                      entropy_grad_T.to(at::kDouble))),
                       1e-5});
  return equal;
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  const at::InferenceMode no_history;
  at::set_num_threads(1);
  at::manual_seed(1);
  bool equal = cohort::kernels::RunShape(3072, 24);
  equal &= cohort::kernels::RunShape(64, 151936);
  return equal ? 0 : 1;
}
