// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_layout.h"

#include <algorithm>
#include <utility>

namespace cohort::learner {
namespace {

constexpr int64_t kLine = 16;  // fp32 numbers in 64 bytes

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Buckets without their places, in the order of a backward pass.
std::vector<FlatBucket> CutBuckets(const std::vector<TrainedParameter>& parameters, const FlatLayoutOptions& options) {
  std::vector<FlatBucket> buckets;
  int64_t num_held = 0;
  for (size_t i = parameters.size(); i-- > 0;) {
    const int64_t layer = options.shards_layers ? parameters[i].spec.layer : -1;
    const bool is_other = buckets.empty() || buckets.back().layer != layer;
    if (is_other || (layer < 0 && num_held >= options.bucket_numbers)) {
      buckets.push_back({.layer = layer});
      num_held = 0;
    }
    buckets.back().first_span = i;
    ++buckets.back().num_spans;
    num_held += parameters[i].spec.NumElements();
  }
  return buckets;
}

}  // namespace

FlatLayout MakeFlatLayout(const std::vector<TrainedParameter>& parameters, int world_size,
                          const FlatLayoutOptions& options) {
  FlatLayout layout;
  layout.buckets = CutBuckets(parameters, options);
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

FlatRange RangeOf(const FlatLayout& layout, const SpanRange& spans) {
  if (spans.count == 0) return {};
  const FlatSpan& last = layout.spans[spans.first + spans.count - 1];
  const int64_t offset = layout.spans[spans.first].offset;
  return {.offset = offset, .size = last.offset + last.size - offset};
}

FlatRange OwnedPiece(const FlatBucket& bucket, const RankPlace& place) {
  const int64_t size = bucket.range.size / place.world_size;
  return {.offset = bucket.range.offset + place.rank * size, .size = size};
}

std::vector<FlatRange> OwnedRanges(const FlatLayout& layout, const RankPlace& place) {
  std::vector<FlatRange> owned;
  std::for_each(layout.buckets.rbegin(), layout.buckets.rend(),
                [&](const FlatBucket& bucket) { owned.push_back(OwnedPiece(bucket, place)); });
  return owned;
}

std::vector<FlatRange> HeldRanges(const FlatLayout& layout, const RankPlace& place) {
  std::vector<FlatRange> held;
  std::for_each(layout.buckets.rbegin(), layout.buckets.rend(), [&](const FlatBucket& bucket) {
    const FlatRange range = bucket.layer >= 0 ? OwnedPiece(bucket, place) : bucket.range;
    if (!held.empty() && held.back().offset + held.back().size == range.offset) {
      held.back().size += range.size;
    } else {
      held.push_back(range);
    }
  });
  return held;
}

PackedRanges::PackedRanges(std::vector<FlatRange> ranges) : ranges_(std::move(ranges)) {
  for (const FlatRange& range : ranges_) size_ += range.size;
}

void PackedRanges::ForParts(const FlatRange& range,
                            const std::function<void(const FlatRange& part, int64_t packed_offset)>& visit) const {
  int64_t packed_offset = 0;
  for (const FlatRange& here : ranges_) {
    const int64_t begin = std::max(range.offset, here.offset);
    const int64_t end = std::min(range.offset + range.size, here.offset + here.size);
    if (begin < end) visit({.offset = begin, .size = end - begin}, packed_offset + begin - here.offset);
    packed_offset += here.size;
  }
}

int64_t PackedRanges::OffsetOf(const FlatRange& range) const {
  int64_t found = -1;
  ForParts(range, [&found](const FlatRange&, int64_t packed_offset) { found = packed_offset; });
  return found;
}

}  // namespace cohort::learner
