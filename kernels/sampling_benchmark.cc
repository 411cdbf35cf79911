// SPDX-License-Identifier: Apache-2.0
// kernels/sampling.h against ATen's topk, softmax, nucleus mask and multinomial, row by row and one thread each. The
// draws use different random numbers, so the results compared are the filtered log-probs of the tokens drawn.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "kernels/sampling.h"
#include "kernels/shape_text.h"
#include "kernels/side_by_side.h"

namespace cohort::kernels {
namespace {

// The filtered distribution, tokens in descending order.
struct Nucleus {
  at::Tensor probabilities_RK, ids_RK;
};

Nucleus Peer(const at::Tensor& logits_RV, const SamplingSettings& settings) {
  const auto [top_RK, ids_RK] = at::topk(logits_RV, settings.top_k, -1);
  at::Tensor p_RK = at::softmax(top_RK / settings.temperature, -1);
  const at::Tensor before_RK = p_RK.cumsum(-1) - p_RK;
  p_RK = p_RK.masked_fill(before_RK >= settings.top_p, 0);
  return {p_RK / p_RK.sum(-1, /*keepdim=*/true), ids_RK};
}

bool RunShape(int64_t num_rows, int64_t vocab_size) {
  const at::Tensor logits_RV = at::randn({num_rows, vocab_size}) * 3;
  const SamplingSettings settings{.temperature = 0.8, .top_k = std::min<int64_t>(50, vocab_size), .top_p = 0.95};
  const float* logits = logits_RV.const_data_ptr<float>();
  std::vector<SampledToken> sampled(num_rows);
  const auto ours = [&] {
    for (int64_t r = 0; r < num_rows; ++r) {
      sampled[r] = SampleToken(logits + r * vocab_size, vocab_size, settings,
                               (static_cast<double>(r) + 0.5) / static_cast<double>(num_rows));
    }
  };
  ours();
  const Nucleus nucleus = Peer(logits_RV, settings);
  double difference = 0;
  for (int64_t r = 0; r < num_rows; ++r) {
    const at::Tensor p = nucleus.probabilities_RK[r].masked_select(nucleus.ids_RK[r] == sampled[r].token);
    difference = LargerOrNan(difference, std::abs(p.sum().log().item<double>() - sampled[r].logprob));
  }
  return RunContest({"sample top-k 50, top-p 0.95, " + ShapeText(num_rows, vocab_size), ours,
                     [&] {
                       const Nucleus n = Peer(logits_RV, settings);
                       n.ids_RK.gather(1, at::multinomial(n.probabilities_RK, 1));
                     },
                     4.0 * static_cast<double>(logits_RV.numel()), difference, 1e-4});
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  at::set_num_threads(1);
  at::manual_seed(1);
  bool equal = cohort::kernels::RunShape(64, 24);
  equal &= cohort::kernels::RunShape(64, 151936);
  return equal ? 0 : 1;
}
