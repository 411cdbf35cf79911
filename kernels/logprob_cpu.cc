// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/logprob.h"
#include "kernels/logprob_row.h"
#include "kernels/shared_work.h"

namespace cohort::kernels {
namespace {

const LogprobRowFunctions& RowFunctions(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kLogprobRow;
    case CpuTarget::kAvx2:
      return avx2::kLogprobRow;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kLogprobRow;
}

// Operations on one logit, roughly: most are the exponential's.
constexpr int64_t kWorkPerLogit = 8;

// Shares out rows.
void ForRows(const LogprobRows& rows, const CpuExecution& cpu, const std::function<void(int64_t t)>& run) {
  ShareEqualItems(cpu, rows.num_rows, rows.num_rows * rows.vocab_size * kWorkPerLogit,
                  [&run](int64_t first, int64_t last) {
                    for (int64_t t = first; t < last; ++t) run(t);
                  });
}

}  // namespace

void LogprobForward(const LogprobRows& rows, const float* logits_TV, float* logprobs_T, float* entropies_T,
                    const CpuExecution& cpu) {
  const LogprobRowFunctions& functions = RowFunctions(cpu.target);
  ForRows(rows, cpu, [&](int64_t t) {
    const float* logits = logits_TV + t * rows.vocab_size;
    const SoftmaxSums sums = functions.sums(logits, rows.vocab_size, rows.inverse_temperature);
    const double log_sum = std::log(sums.sum);
    const float distance = logits[rows.targets_T[t]] * rows.inverse_temperature - sums.max;
    logprobs_T[t] = static_cast<float>(distance - log_sum);
    if (entropies_T != nullptr) entropies_T[t] = static_cast<float>(log_sum - sums.weighted_sum / sums.sum);
  });
}

void LogprobBackwardInPlace(const LogprobRows& rows, const float* grad_T, const float* entropy_grad_T, float* logits_TV,
                            const CpuExecution& cpu) {
  const LogprobRowFunctions& functions = RowFunctions(cpu.target);
  ForRows(rows, cpu, [&](int64_t t) {
    float* logits = logits_TV + t * rows.vocab_size;
    const float entropy_grad = entropy_grad_T == nullptr ? 0.0f : entropy_grad_T[t] * rows.inverse_temperature;
    if (grad_T[t] == 0.0f && entropy_grad == 0.0f) {
      std::fill_n(logits, rows.vocab_size, 0.0f);
      return;
    }
    const SoftmaxSums sums = functions.sums(logits, rows.vocab_size, rows.inverse_temperature);
    const float grad = grad_T[t] * rows.inverse_temperature;
    if (entropy_grad == 0.0f) {
      functions.scaled_exp(logits, rows.vocab_size, rows.inverse_temperature, sums.max,
                           static_cast<float>(-grad / sums.sum));
    } else {
      // ln p + entropy = distance - weighted_sum / sum: the logarithm of the sum cancels.
      const double mean_distance = sums.weighted_sum / sums.sum;
      functions.tilted_exp(logits, rows.vocab_size, rows.inverse_temperature, sums.max,
                           static_cast<float>((entropy_grad * mean_distance - grad) / sums.sum),
                           static_cast<float>(-entropy_grad / sums.sum));
    }
    logits[rows.targets_T[t]] += grad;
  });
}

}  // namespace cohort::kernels
