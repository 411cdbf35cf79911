// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ATTENTION_REFERENCE_H_
#define COHORT_KERNELS_ATTENTION_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/attention_batch_fixture.h"

namespace cohort::kernels {

struct DoubleAttention {
  std::vector<double> out, grad_q, grad_k, grad_v;
};

// The definition, in double.
inline DoubleAttention AttentionInDouble(const AttentionBatch& b) {
  const auto [N, K, H, scale, window] = b.shape;
  DoubleAttention r{std::vector<double>(b.q.size()), std::vector<double>(b.q.size()), std::vector<double>(b.k.size()),
                    std::vector<double>(b.v.size())};
  for (int64_t s = 0; s < b.num_sequences(); ++s) {
    const int32_t prefix = b.prefixes.empty() ? -1 : b.prefixes[s];
    std::vector<int64_t> rows;  // of the keys
    for (int64_t t = prefix < 0 ? 0 : b.cu_seqlens[prefix]; prefix >= 0 && t < b.cu_seqlens[prefix + 1]; ++t) {
      rows.push_back(t);
    }
    for (int64_t t = b.cu_seqlens[s]; t < b.cu_seqlens[s + 1]; ++t) {
      rows.push_back(t);
      const int64_t position = static_cast<int64_t>(rows.size()) - 1;
      const int64_t first = window == 0 ? 0 : std::max<int64_t>(0, position - window + 1);
      for (int64_t n = 0; n < N; ++n) {
        const int64_t query = (t * N + n) * H;
        const auto key = [&, K = K, H = H, N = N](int64_t j) { return (rows[j] * K + n * K / N) * H; };
        std::vector<double> p(position + 1), dp(position + 1);
        double max = -std::numeric_limits<double>::infinity(), sum = 0, delta = 0;
        for (int64_t j = first; j <= position; ++j) {
          for (int64_t h = 0; h < H; ++h) p[j] += double{b.q[query + h]} * b.k[key(j) + h];
          p[j] *= scale;
          max = std::max(max, p[j]);
        }
        for (int64_t j = first; j <= position; ++j) sum += p[j] = std::exp(p[j] - max);
        for (int64_t j = first; j <= position; ++j) {
          p[j] /= sum;
          for (int64_t h = 0; h < H; ++h) {
            r.out[query + h] += p[j] * b.v[key(j) + h];
            dp[j] += double{b.grad_out[query + h]} * b.v[key(j) + h];
            r.grad_v[key(j) + h] += p[j] * b.grad_out[query + h];
          }
          delta += p[j] * dp[j];
        }
        for (int64_t j = first; j <= position; ++j) {
          const double grad_score = p[j] * (dp[j] - delta) * scale;
          for (int64_t h = 0; h < H; ++h) {
            r.grad_q[query + h] += grad_score * b.k[key(j) + h];
            r.grad_k[key(j) + h] += grad_score * b.q[query + h];
          }
        }
      }
    }
  }
  return r;
}

inline double LargestDifference(const std::vector<float>& a, const std::vector<double>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ATTENTION_REFERENCE_H_
