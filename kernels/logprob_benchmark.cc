// SPDX-License-Identifier: Apache-2.0
// kernels/logprob.h against ATen's log_softmax + gather (+ entropy, + the in-place gradient), one thread each. Ours is
// checked against ATen in double.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "kernels/side_by_side.h"
#include "kernels/torch/logprob_op.h"

namespace cohort::kernels {
namespace {

double LargestDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

struct PeerResult {
  at::Tensor logprobs_T, entropies_T, probabilities_TV;
};

PeerResult PeerForward(const at::Tensor& logits_TV, const at::Tensor& targets_T) {
  const at::Tensor all_TV = at::log_softmax(logits_TV, -1);
  const at::Tensor p_TV = all_TV.exp();
  return {all_TV.gather(1, targets_T.unsqueeze(1)).squeeze(1), (p_TV * all_TV).sum(-1).neg_(), p_TV};
}

// In place on the softmax, the fewest passes ATen allows.
at::Tensor PeerBackward(const at::Tensor& logits_TV, const at::Tensor& targets_T, const at::Tensor& grad_T) {
  at::Tensor gradient_TV = at::softmax(logits_TV, -1);
  gradient_TV.mul_(grad_T.neg().unsqueeze(1));
  return gradient_TV.scatter_add_(1, targets_T.unsqueeze(1), grad_T.unsqueeze(1));
}

bool RunShape(int64_t num_rows, int64_t vocab_size) {
  const at::Tensor logits_TV = at::randn({num_rows, vocab_size}) * 3, grad_T = at::randn({num_rows});
  const at::Tensor targets_T = at::randint(0, vocab_size, {num_rows}, at::kLong);
  const std::string shape = std::to_string(num_rows) + " x " + std::to_string(vocab_size);
  const LogprobAndEntropy ours = LogprobForward(logits_TV, targets_T, 1.0);
  const PeerResult exact = PeerForward(logits_TV.to(at::kDouble), targets_T);
  const double bytes = 4.0 * static_cast<double>(logits_TV.numel());
  bool equal = RunContest({"logprob + entropy, " + shape, [&] { LogprobForward(logits_TV, targets_T, 1.0); },
                           [&] { PeerForward(logits_TV, targets_T); }, bytes,
                           std::max(LargestDifference(ours.logprobs_T, exact.logprobs_T),
                                    LargestDifference(ours.entropies_T, exact.entropies_T)),
                           2e-5});
  at::Tensor work_TV = logits_TV.clone();
  LogprobBackwardInPlace(work_TV, targets_T, grad_T, 1.0);
  const double difference = LargestDifference(work_TV, PeerBackward(logits_TV, targets_T, grad_T));
  // Ours overwrites its input; the copy that restores it is part of our time.
  equal &= RunContest({"logprob backward, " + shape,
                       [&] {
                         work_TV.copy_(logits_TV);
                         LogprobBackwardInPlace(work_TV, targets_T, grad_T, 1.0);
                       },
                       [&] { PeerBackward(logits_TV, targets_T, grad_T); }, 2 * bytes, difference, 2e-6});
  return equal;
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  at::set_num_threads(1);
  at::manual_seed(1);
  bool equal = cohort::kernels::RunShape(3072, 24);
  equal &= cohort::kernels::RunShape(64, 151936);
  return equal ? 0 : 1;
}
