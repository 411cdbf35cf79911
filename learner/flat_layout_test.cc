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
  const FlatLayout layout = MakeFlatLayout(FiveParameters(), /*world_size=*/1, /*bucket_numbers=*/50);
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
    const FlatLayout layout = MakeFlatLayout(FiveParameters(), world_size, 50);
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
  const FlatLayout small = MakeFlatLayout(FiveParameters(), 1, 1), large = MakeFlatLayout(FiveParameters(), 1);
  EXPECT_EQ(small.buckets.size(), 5);
  EXPECT_EQ(large.buckets.size(), 1);
  EXPECT_EQ(small.size, large.size);
  EXPECT_EQ(large.size, 80 + 16 + 48 + 32 + 304);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(small.spans[i].offset, large.spans[i].offset);
}

TEST(FlatLayoutTest, EveryNumberHasOneOwner) {
  for (const int world_size : {1, 2, 3, 4}) {
    const FlatLayout layout = MakeFlatLayout(FiveParameters(), world_size, 50);
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

}  // namespace
}  // namespace cohort::learner
