// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/sampling.h"
#include "kernels/sampling_row.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kBlockLogits = 1024;
// Logits that are skipped together when none of them can be among the largest.
constexpr int64_t kSkipLogits = 128;
constexpr SampledToken kNoToken = {-1, 0.0};

const SamplingRowFunctions& RowFunctions(CpuTarget target) {
  switch (target) {
    case CpuTarget::kAvx512:
      return avx512::kSamplingRow;
    case CpuTarget::kAvx2:
      return avx2::kSamplingRow;
    case CpuTarget::kBaseline:
      break;
  }
  return baseline::kSamplingRow;
}

struct Row {
  const float* logits;
  int64_t vocab_size;
  const SamplingRowFunctions* functions;
  SamplingScale scale;
};

struct Candidate {
  float logit;
  int64_t token;
};

bool RanksBefore(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

// The `count` first of the ranking by (logit descending, id ascending). One pass; the buffer is cut back
// whenever it is full, which raises the logit that later tokens have to beat.
std::vector<Candidate> LargestCandidates(const Row& row, int64_t count) {
  const size_t capacity = static_cast<size_t>(2 * count + kSkipLogits);
  std::vector<Candidate> kept;
  kept.reserve(capacity);
  float to_beat = -std::numeric_limits<float>::infinity();
  bool is_limited = false;  // `count` tokens of at least to_beat are kept: a later equal one ranks behind them
  const auto cut_back = [&] {
    if (static_cast<int64_t>(kept.size()) <= count) return;
    std::nth_element(kept.begin(), kept.begin() + count - 1, kept.end(), RanksBefore);
    kept.resize(count);
    to_beat = kept.back().logit;
    is_limited = true;
  };
  for (int64_t start = 0; start < row.vocab_size; start += kSkipLogits) {
    const int64_t end = std::min(row.vocab_size, start + kSkipLogits);
    if (is_limited && !(row.functions->max(row.logits + start, end - start) > to_beat)) continue;
    for (int64_t v = start; v < end; ++v) {
      if (!is_limited || row.logits[v] > to_beat) kept.push_back({row.logits[v], v});
    }
    if (kept.size() + kSkipLogits > capacity) cut_back();
  }
  cut_back();
  std::sort(kept.begin(), kept.end(), RanksBefore);
  return kept;
}

float Weight(const Row& row, float logit) {
  float weight = 0;
  row.functions->weights(&logit, 1, row.scale, &weight);
  return weight;
}

SampledToken TokenAt(const Row& row, int64_t token, double total) {
  const float distance = (row.logits[token] - row.scale.max) * row.scale.inverse_temperature;
  return {token, distance - std::log(total)};
}

// Inverts the cumulative distribution over the candidates in id order.
SampledToken DrawAmong(const Row& row, std::vector<Candidate> kept, double uniform) {
  std::sort(kept.begin(), kept.end(), [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
  double total = 0;
  for (const Candidate& candidate : kept) total += Weight(row, candidate.logit);
  int64_t token = -1;
  double sum = 0;
  for (const Candidate& candidate : kept) {
    const float weight = Weight(row, candidate.logit);
    if (weight > 0) token = candidate.token;
    sum += weight;
    if (sum > uniform * total) break;
  }
  return TokenAt(row, token, total);
}

// Sums of the weights of each block of kBlockLogits tokens.
std::vector<double> BlockTotals(const Row& row) {
  std::vector<double> totals;
  float weights[kBlockLogits];
  for (int64_t start = 0; start < row.vocab_size; start += kBlockLogits) {
    const int64_t size = std::min(kBlockLogits, row.vocab_size - start);
    totals.push_back(row.functions->weights(row.logits + start, size, row.scale, weights));
  }
  return totals;
}

double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

// Inverts the cumulative distribution over the whole vocabulary: first the block, then the token in it.
SampledToken DrawFromAll(const Row& row, double uniform) {
  const std::vector<double> totals = BlockTotals(row);
  const double total = Sum(totals), goal = uniform * total;
  int64_t block = -1;
  double before = 0, sum = 0;
  for (size_t b = 0; b < totals.size() && !(sum > goal); ++b) {
    if (totals[b] == 0) continue;
    before = sum;
    sum += totals[b];
    block = static_cast<int64_t>(b);
  }
  float weights[kBlockLogits];
  const int64_t start = block * kBlockLogits, size = std::min(kBlockLogits, row.vocab_size - start);
  row.functions->weights(row.logits + start, size, row.scale, weights);
  int64_t token = -1;
  for (int64_t i = 0; i < size; ++i) {
    if (weights[i] > 0) token = start + i;  // the block's last one, should rounding leave the goal beyond it
    before += weights[i];
    if (before > goal) break;
  }
  return TokenAt(row, token, total);
}

// Cuts a ranking after the token whose cumulative weight reaches `enough`; false when `kept` does not hold that much.
bool CutAtWeight(const Row& row, double enough, std::vector<Candidate>* kept) {
  double sum = 0;
  for (size_t i = 0; i < kept->size(); ++i) {
    sum += Weight(row, (*kept)[i].logit);
    if (sum >= enough) {
      kept->resize(i + 1);
      return true;
    }
  }
  return false;
}

SampledToken DrawFiltered(const Row& row, const SamplingSettings& settings, double uniform) {
  if (settings.top_k > 0 && settings.top_k < row.vocab_size) {
    std::vector<Candidate> kept = LargestCandidates(row, settings.top_k);
    double total = 0;
    for (const Candidate& candidate : kept) total += Weight(row, candidate.logit);
    if (settings.top_p < 1) CutAtWeight(row, settings.top_p * total, &kept);
    return DrawAmong(row, std::move(kept), uniform);
  }
  // The nucleus is usually small: look among ever more of the largest.
  const double enough = settings.top_p * Sum(BlockTotals(row));
  for (int64_t count = std::min<int64_t>(64, row.vocab_size);; count = std::min(count * 8, row.vocab_size)) {
    std::vector<Candidate> kept = LargestCandidates(row, count);
    if (CutAtWeight(row, enough, &kept) || count == row.vocab_size) return DrawAmong(row, std::move(kept), uniform);
  }
}

// The lowest id among the largest logits.
SampledToken Greedy(const Row& row) {
  const float* end = row.logits + row.vocab_size;
  return {std::find(row.logits, end, row.scale.max) - row.logits, 0.0};
}

}  // namespace

SampledToken SampleToken(const float* logits_V, int64_t vocab_size, const SamplingSettings& settings, double uniform,
                         CpuTarget target) {
  const SamplingRowFunctions& functions = RowFunctions(target);
  if (functions.is_unusable(logits_V, vocab_size)) return kNoToken;
  // Bounded, so that the distance of the largest logit stays 0 however low the temperature.
  const float inverse_temperature = static_cast<float>(std::min(1.0 / settings.temperature, 1e30));
  const Row row{logits_V, vocab_size, &functions, {functions.max(logits_V, vocab_size), inverse_temperature}};
  if (!std::isfinite(row.scale.max)) return kNoToken;
  if (settings.temperature == 0.0) return Greedy(row);
  const bool is_filtered = (settings.top_k > 0 && settings.top_k < vocab_size) || settings.top_p < 1;
  return is_filtered ? DrawFiltered(row, settings, uniform) : DrawFromAll(row, uniform);
}

}  // namespace cohort::kernels
