// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_layout.h"

#include <algorithm>

namespace cohort::learner {
namespace {

constexpr int64_t kLine = 16;  // fp32 numbers in 64 bytes

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Buckets without their places, in the order of a backward pass.
std::vector<FlatBucket> CutBuckets(const std::vector<TrainedParameter>& parameters, int64_t bucket_numbers) {
  std::vector<FlatBucket> buckets;
  int64_t num_held = 0;
  for (size_t i = parameters.size(); i-- > 0;) {
    if (buckets.empty() || num_held >= bucket_numbers) {
      buckets.emplace_back();
      num_held = 0;
    }
    buckets.back().first_span = i;
    ++buckets.back().num_spans;
    num_held += parameters[i].spec.NumElements();
  }
  return buckets;
}

}  // namespace

FlatLayout MakeFlatLayout(const std::vector<TrainedParameter>& parameters, int world_size, int64_t bucket_numbers) {
  FlatLayout layout;
  layout.buckets = CutBuckets(parameters, bucket_numbers);
  std::for_each(layout.buckets.rbegin(), layout.buckets.rend(), [&](FlatBucket& bucket) {
    bucket.range.offset = layout.size;
    for (size_t i = bucket.first_span; i < bucket.first_span + bucket.num_spans; ++i) {
      const int64_t count = parameters[i].spec.NumElements();
      layout.spans.push_back({.name = parameters[i].spec.name,
                              .offset = layout.size,
                              .size = count,
                              .is_decayed = parameters[i].is_decayed});
      layout.size += RoundUp(count, kLine);
    }
    layout.size = bucket.range.offset + RoundUp(layout.size - bucket.range.offset, kLine * world_size);
    bucket.range.size = layout.size - bucket.range.offset;
  });
  return layout;
}

std::vector<FlatRange> OwnedRanges(const FlatLayout& layout, const RankPlace& place) {
  std::vector<FlatRange> owned;
  std::for_each(layout.buckets.rbegin(), layout.buckets.rend(), [&](const FlatBucket& bucket) {
    const int64_t piece = bucket.range.size / place.world_size;
    owned.push_back({.offset = bucket.range.offset + place.rank * piece, .size = piece});
  });
  return owned;
}

}  // namespace cohort::learner
