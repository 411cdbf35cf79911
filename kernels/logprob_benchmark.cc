// SPDX-License-Identifier: Apache-2.0
// kernels/logprob.h against ATen's log_softmax + gather (+ entropy, + the in-place gradient), on as many
// threads each as the argument says (1). Both are held against ATen in double, on the first rows of a large vocabulary.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/shape_text.h"
#include "kernels/side_by_side.h"
#include "kernels/torch/logprob_op.h"

namespace cohort::kernels {
namespace {

double LargestDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

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

// A batch of rows with what reaches them from the loss.
struct Rows {
  at::Tensor logits_TV, targets_T, grad_T, entropy_grad_T;

  Rows Slice(int64_t first, int64_t end) const {
    return {logits_TV.slice(0, first, end), targets_T.slice(0, first, end), grad_T.slice(0, first, end),
            entropy_grad_T.slice(0, first, end)};
  }
  Rows InDouble() const {
    return {logits_TV.to(at::kDouble), targets_T, grad_T.to(at::kDouble), entropy_grad_T.to(at::kDouble)};
  }
};

// In place on the softmax, the fewest passes ATen allows.
void PeerBackward(const Rows& rows, at::Tensor gradient_TV) {
  at::softmax_out(gradient_TV, rows.logits_TV, -1);
  gradient_TV.mul_(rows.grad_T.neg().unsqueeze(1));
  gradient_TV.scatter_add_(1, rows.targets_T.unsqueeze(1), rows.grad_T.unsqueeze(1));
}

void PeerEntropyBackward(const Rows& rows, at::Tensor gradient_TV) {
  at::log_softmax_out(gradient_TV, rows.logits_TV, -1);
  const at::Tensor p_TV = gradient_TV.exp();
  const at::Tensor entropies_T = p_TV.mul(gradient_TV).sum(-1).neg_();
  gradient_TV.add_(entropies_T.unsqueeze(1)).mul_(rows.entropy_grad_T.unsqueeze(1)).add_(rows.grad_T.unsqueeze(1));
  gradient_TV.mul_(p_TV).neg_().scatter_add_(1, rows.targets_T.unsqueeze(1), rows.grad_T.unsqueeze(1));
}

at::Tensor PeerBackwardInCuts(const Rows& rows, bool with_entropy, int64_t rows_at_a_time) {
  at::Tensor gradient_TV = at::empty_like(rows.logits_TV);
  const int64_t num_rows = rows.logits_TV.size(0);
  for (int64_t first = 0; first < num_rows; first += rows_at_a_time) {
    const int64_t end = std::min(num_rows, first + rows_at_a_time);
    (with_entropy ? PeerEntropyBackward : PeerBackward)(rows.Slice(first, end), gradient_TV.slice(0, first, end));
  }
  return gradient_TV;
}

// All rows at once, or so few that the temporaries stay in a cache: whichever of them is fastest here.
int64_t BestCut(int64_t num_rows, const std::function<void(int64_t)>& run) {
  const std::vector<int64_t> cuts = {num_rows, (num_rows + 7) / 8, (num_rows + 63) / 64};
  std::vector<std::function<void()>> ways;
  for (const int64_t cut : cuts) ways.push_back([&run, cut] { run(cut); });
  return cuts[Fastest(ways, at::get_num_threads())];
}

double LargestError(const LogprobAndEntropy& result, const LogprobAndEntropy& exact) {
  return LargerOrNan(LargestDifference(result.logprobs_T, exact.logprobs_T),
                     LargestDifference(result.entropies_T, exact.entropies_T));
}

// `few` of the rows are held against the reference.
bool RunForward(const Rows& rows, const Rows& few, const std::string& shape) {
  const int64_t num_rows = rows.logits_TV.size(0), num_few = few.logits_TV.size(0);
  const LogprobAndEntropy exact = PeerForward(few.logits_TV.to(at::kDouble), few.targets_T, num_few);
  const int64_t best_cut = BestCut(num_rows, [&](int64_t cut) { PeerForward(rows.logits_TV, rows.targets_T, cut); });
  return RunContest({"logprob + entropy, " + shape, [&] { LogprobForward(rows.logits_TV, rows.targets_T, 1.0); },
                     [&] { PeerForward(rows.logits_TV, rows.targets_T, best_cut); },
                     4.0 * static_cast<double>(rows.logits_TV.numel()),
                     LargestError(LogprobForward(few.logits_TV, few.targets_T, 1.0), exact), 2e-5,
                     LargestError(PeerForward(few.logits_TV, few.targets_T, num_few), exact), at::get_num_threads()});
}

bool RunBackward(const Rows& rows, const Rows& few, const std::string& shape, bool with_entropy) {
  // Ours overwrites its input; the copy that restores it is part of our time.
  const auto ours = [with_entropy](const Rows& of, at::Tensor work_TV) {
    work_TV.copy_(of.logits_TV);
    LogprobBackwardInPlace(work_TV, of.targets_T, {of.grad_T, with_entropy ? of.entropy_grad_T : at::Tensor()}, 1.0);
  };
  const int64_t best_cut =
      BestCut(rows.logits_TV.size(0), [&](int64_t cut) { PeerBackwardInCuts(rows, with_entropy, cut); });
  const auto peer = [with_entropy, best_cut](const Rows& of) { return PeerBackwardInCuts(of, with_entropy, best_cut); };
  const at::Tensor exact_TV = peer(few.InDouble()), few_TV = at::empty_like(few.logits_TV);
  ours(few, few_TV);
  const at::Tensor work_TV = at::empty_like(rows.logits_TV);
  return RunContest({(with_entropy ? "log-prob and entropy backward, " : "logprob backward, ") + shape,
                     [&] { ours(rows, work_TV); }, [&] { peer(rows); },
                     8.0 * static_cast<double>(rows.logits_TV.numel()), LargestDifference(few_TV, exact_TV),
                     with_entropy ? 1e-5 : 2e-6, LargestDifference(peer(few), exact_TV), at::get_num_threads()});
}

bool RunShape(int64_t num_rows, int64_t vocab_size) {
  constexpr int64_t kReferenceElements = int64_t{1} << 22;
  const Rows rows = {at::randn({num_rows, vocab_size}) * 3, at::randint(0, vocab_size, {num_rows}, at::kLong),
                     at::randn({num_rows}), at::randn({num_rows})};
  const Rows few = rows.Slice(0, std::min(num_rows, kReferenceElements / vocab_size));
  const std::string shape = ShapeText(num_rows, vocab_size);
  bool equal = RunForward(rows, few, shape);
  equal &= RunBackward(rows, few, shape, /*with_entropy=*/false);
  equal &= RunBackward(rows, few, shape, /*with_entropy=*/true);
  return equal;
}

}  // namespace
}  // namespace cohort::kernels

int main(int argc, char** argv) {
  const at::InferenceMode no_history;
  at::set_num_threads(cohort::kernels::ThreadsArgument(argc, argv));
  at::manual_seed(1);
  bool equal = cohort::kernels::RunShape(3072, 24);
  equal &= cohort::kernels::RunShape(64, 151936);
  return equal ? 0 : 1;
}
