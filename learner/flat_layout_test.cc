// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace cohort::learner {
namespace {

using Kind = model::ParameterSpec::Kind;

std::vector<TrainedParameter> FiveParameters() {
  return SelectParameters({{"embedding", {10, 8}},
                           {"norm", {5}, Kind::kNorm},
                           {"up", {8, 5}},
                           {"bias", {20}, Kind::kBias},
                           {"head", {3, 100}}});
}

TEST(ParameterSelectionTest, EverythingTrainsAndMatricesAloneAreDecayed) {
  std::vector<bool> decayed;
  for (const TrainedParameter& parameter : FiveParameters()) decayed.push_back(parameter.is_decayed);
  EXPECT_EQ(decayed, (std::vector<bool>{true, false, true, false, true}));
}

TEST(FlatLayoutTest, BucketsFollowTheBackwardPassAndHoldWholeParameters) {
  const FlatLayout layout = MakeFlatLayout(FiveParameters(), /*world_size=*/1, {.bucket_numbers = 50});
  ASSERT_EQ(layout.buckets.size(), 3);
  EXPECT_EQ(layout.buckets[0].first_span, 4);  // the head alone is large enough
  EXPECT_EQ(layout.buckets[0].num_spans, 1);
  EXPECT_EQ(layout.buckets[1].first_span, 2);  // bias and up
  EXPECT_EQ(layout.buckets[1].num_spans, 2);
  EXPECT_EQ(layout.buckets[2].first_span, 0);
  EXPECT_EQ(layout.buckets[2].num_spans, 2);
}

TEST(FlatLayoutTest, SpansStayInForwardOrderOnLinesInsideTheirBucket) {
  for (const int world_size : {1, 2, 3, 4}) {
    const FlatLayout layout = MakeFlatLayout(FiveParameters(), world_size, {.bucket_numbers = 50});
    ASSERT_EQ(layout.spans.size(), 5);
    EXPECT_EQ(layout.spans[0].name, "embedding");
    EXPECT_EQ(layout.spans[4].name, "head");
    for (const FlatBucket& bucket : layout.buckets) {
      EXPECT_EQ(bucket.range.size % (16 * world_size), 0);
      for (size_t i = bucket.first_span; i < bucket.first_span + bucket.num_spans; ++i) {
        EXPECT_EQ(layout.spans[i].offset % 16, 0);
        EXPECT_GE(layout.spans[i].offset, bucket.range.offset);
        EXPECT_LE(layout.spans[i].offset + layout.spans[i].size, bucket.range.offset + bucket.range.size);
      }
    }
  }
}

// One rank has no gaps but those of the lines, whatever the buckets are: the layout of a job does not depend on them.
TEST(FlatLayoutTest, BucketsMoveNothingOnOneRank) {
  const FlatLayout small = MakeFlatLayout(FiveParameters(), 1, {.bucket_numbers = 1}),
                   large = MakeFlatLayout(FiveParameters(), 1);
  EXPECT_EQ(small.buckets.size(), 5);
  EXPECT_EQ(large.buckets.size(), 1);
  EXPECT_EQ(small.size, large.size);
  EXPECT_EQ(large.size, 80 + 16 + 48 + 32 + 304);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(small.spans[i].offset, large.spans[i].offset);
}

TEST(FlatLayoutTest, RangeOfSpansHasTheGapsBetweenThemAndNoneBehind) {
  const FlatLayout layout = MakeFlatLayout(FiveParameters(), 3, {.bucket_numbers = 50});
  for (size_t first = 0; first < 5; ++first) {
    for (size_t count = 1; first + count <= 5; ++count) {
      const FlatRange range = RangeOf(layout, {.first = first, .count = count});
      const FlatSpan& last = layout.spans[first + count - 1];
      EXPECT_EQ(range.offset, layout.spans[first].offset);
      EXPECT_EQ(range.offset + range.size, last.offset + last.size);
    }
  }
  EXPECT_EQ(RangeOf(layout, {.first = 5, .count = 0}).size, 0);
}

TEST(FlatLayoutTest, EveryNumberHasOneOwner) {
  for (const int world_size : {1, 2, 3, 4}) {
    const FlatLayout layout = MakeFlatLayout(FiveParameters(), world_size, {.bucket_numbers = 50});
    std::vector<int> owners(layout.size);
    for (int rank = 0; rank < world_size; ++rank) {
      int64_t last_end = 0, num_owned = 0;
      for (const FlatRange& range : OwnedRanges(layout, {.rank = rank, .world_size = world_size})) {
        EXPECT_GE(range.offset, last_end);
        last_end = range.offset + range.size;
        num_owned += range.size;
        for (int64_t i = range.offset; i < last_end; ++i) ++owners[i];
      }
      EXPECT_EQ(num_owned, layout.size / world_size);
    }
    EXPECT_EQ(std::count(owners.begin(), owners.end(), 1), layout.size) << world_size;
  }
}

std::vector<TrainedParameter> TwoLayers() {
  return SelectParameters({{"embedding", {10, 8}},
                           {"0.up", {8, 5}, Kind::kMatrix, /*layer=*/0},
                           {"0.norm", {5}, Kind::kNorm, 0},
                           {"1.up", {8, 5}, Kind::kMatrix, 1},
                           {"1.norm", {5}, Kind::kNorm, 1},
                           {"norm", {5}, Kind::kNorm},
                           {"head", {3, 100}}});
}

TEST(FlatLayoutTest, ShardedLayersAreBucketsOfTheirOwnWhateverTheirSize) {
  for (const int64_t bucket_numbers : {int64_t{1}, kBucketNumbers}) {
    const FlatLayout layout = MakeFlatLayout(TwoLayers(), 2, {.bucket_numbers = bucket_numbers, .shards_layers = true});
    std::vector<std::vector<int64_t>> layers;
    for (const FlatBucket& bucket : layout.buckets) {
      if (bucket.layer >= 0) {
        layers.push_back({bucket.layer, static_cast<int64_t>(bucket.first_span), static_cast<int64_t>(bucket.num_spans),
                          bucket.range.size});
      }
    }
    // 48 + 16 numbers.
    EXPECT_EQ(layers, (std::vector<std::vector<int64_t>>{{1, 3, 2, 64}, {0, 1, 2, 64}})) << bucket_numbers;
    EXPECT_EQ(layout.buckets.size(), bucket_numbers == 1 ? 5 : 4);
  }
}

TEST(FlatLayoutTest, RankHoldsItsPiecesOfShardedLayersAndAllOfTheRest) {
  const FlatLayout layout = MakeFlatLayout(TwoLayers(), 4, {.shards_layers = true});
  const RankPlace place = {.rank = 3, .world_size = 4};
  const PackedRanges held(HeldRanges(layout, place));
  EXPECT_EQ(held.size(), layout.size - 2 * 48);
  int64_t next = 0;
  for (auto bucket = layout.buckets.rbegin(); bucket != layout.buckets.rend(); ++bucket) {
    const FlatRange range = bucket->layer >= 0 ? OwnedPiece(*bucket, place) : bucket->range;
    EXPECT_EQ(held.OffsetOf(range), next) << bucket->layer;
    next += range.size;
  }
  EXPECT_EQ(HeldRanges(MakeFlatLayout(TwoLayers(), 4), place).size(), 1);
}

TEST(PackedRangesTest, PartsThatAreThereAreFoundInOrder) {
  const PackedRanges packed({{.offset = 10, .size = 5}, {.offset = 20, .size = 10}});
  EXPECT_EQ(packed.size(), 15);
  std::vector<std::vector<int64_t>> parts;
  packed.ForParts({.offset = 12, .size = 11}, [&](const FlatRange& part, int64_t packed_offset) {
    parts.push_back({part.offset, part.size, packed_offset});
  });
  EXPECT_EQ(parts, (std::vector<std::vector<int64_t>>{{12, 3, 2}, {20, 3, 5}}));
  packed.ForParts({.offset = 15, .size = 5}, [](const FlatRange&, int64_t) { ADD_FAILURE() << "nothing is there"; });
  EXPECT_EQ(packed.OffsetOf({.offset = 21, .size = 2}), 6);
}

}  // namespace
}  // namespace cohort::learner
