// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "learner/checkpoint/manifest.h"
#include "learner/flat_layout.h"
#include "learner/parameter_selection.h"

namespace cohort::learner {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMaxShardBytes = 1 << 20;

FlatLayout LayoutOf(const std::vector<int64_t>& sizes, int world_size) {
  std::vector<TrainedParameter> parameters;
  for (size_t i = 0; i < sizes.size(); ++i) parameters.push_back({.spec = {absl::StrCat("p", i), {sizes[i]}}});
  return MakeFlatLayout(parameters, world_size);
}

std::vector<std::string> NamesOf(const CheckpointPlan& plan, std::vector<PlannedFile> PlannedPart::*files) {
  std::vector<std::string> names;
  for (const PlannedPart& part : plan.parts) {
    for (const PlannedFile& file : part.*files) names.push_back(file.name);
  }
  return names;
}

int64_t LargestPart(const CheckpointPlan& plan, const FlatLayout& layout) {
  int64_t largest = 0;
  for (const PlannedPart& part : plan.parts) {
    int64_t size = 0;
    for (size_t i = 0; i < part.spans.count; ++i) size += layout.spans[part.spans.first + i].size;
    largest = std::max(largest, size);
  }
  return largest;
}

// The least that the largest of `num_parts` neighbouring parts of sizes[first ...] can have.
int64_t Optimum(const std::vector<int64_t>& sizes, size_t first, int num_parts) {
  int64_t size = 0, best = INT64_MAX;
  if (first == sizes.size()) return 0;
  if (num_parts == 0) return INT64_MAX;
  for (size_t end = first + 1; end <= sizes.size(); ++end) {
    size += sizes[end - 1];
    best = std::min(best, std::max(size, Optimum(sizes, end, num_parts - 1)));
  }
  return best;
}

const std::vector<std::vector<int64_t>> kModels = {
    {100}, {7, 7, 7, 7, 7, 7}, {500, 16, 30, 30, 30, 16, 30, 30}, {1, 2, 3, 4, 5, 6, 7}, {10, 10, 900, 10, 10}};

TEST(CheckpointPlanTest, EveryParameterIsWrittenOnceAndTheLargestPartIsAsSmallAsCanBe) {
  for (const std::vector<int64_t>& sizes : kModels) {
    for (int world_size = 1; world_size <= 9; ++world_size) {
      SCOPED_TRACE(absl::StrCat(sizes.size(), " parameters, ", world_size, " ranks"));
      const FlatLayout layout = LayoutOf(sizes, world_size);
      const CheckpointPlan plan = PlanCheckpoint(layout, world_size, kMaxShardBytes);
      ASSERT_EQ(plan.parts.size(), world_size);
      for (const auto files : {&PlannedPart::weights, &PlannedPart::moments}) {
        size_t next = 0;
        for (const PlannedPart& part : plan.parts) {
          if (part.spans.count > 0) {
            EXPECT_EQ(part.spans.first, next);
          }
          for (const PlannedFile& file : part.*files) {
            EXPECT_EQ(file.spans.first, next);
            EXPECT_GT(file.spans.count, 0);
            next += file.spans.count;
          }
        }
        EXPECT_EQ(next, sizes.size());
      }
      EXPECT_EQ(LargestPart(plan, layout), Optimum(sizes, 0, world_size));
    }
  }
}

TEST(CheckpointPlanTest, OneRankWritesTheFilesOfAPlainModelFolder) {
  const CheckpointPlan plan = PlanCheckpoint(LayoutOf({4, 5, 6}, 1), 1, kMaxShardBytes);
  EXPECT_THAT(NamesOf(plan, &PlannedPart::weights), ElementsAre("model.safetensors"));
  EXPECT_THAT(NamesOf(plan, &PlannedPart::moments), ElementsAre("optimizer.safetensors"));
  EXPECT_EQ(plan.weights_index, "");
}

TEST(CheckpointPlanTest, SeveralRanksNumberTheirFilesTogetherAndAnIndexSaysWhereWhatIs) {
  // The first rank's part, two parameters, does not fit into one file.
  const CheckpointPlan plan = PlanCheckpoint(LayoutOf({10, 10, 20, 20}, 3), 3, /*max_shard_bytes=*/60);
  EXPECT_THAT(NamesOf(plan, &PlannedPart::weights),
              ElementsAre("model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors",
                          "model-00003-of-00004.safetensors", "model-00004-of-00004.safetensors"));
  EXPECT_THAT(NamesOf(plan, &PlannedPart::moments),
              ElementsAre("optimizer-00001-of-00003.safetensors", "optimizer-00002-of-00003.safetensors",
                          "optimizer-00003-of-00003.safetensors"));
  const auto index = nlohmann::json::parse(plan.weights_index);
  EXPECT_EQ(index["metadata"]["total_size"], 60 * 4);
  EXPECT_EQ(index["weight_map"].size(), 4);
  EXPECT_EQ(index["weight_map"]["p1"], "model-00002-of-00004.safetensors");
  EXPECT_EQ(index["weight_map"]["p3"], "model-00004-of-00004.safetensors");
}

TEST(CheckpointPlanTest, FewerParametersThanRanksLeaveRanksWithoutFiles) {
  const CheckpointPlan plan = PlanCheckpoint(LayoutOf({3, 3}, 4), 4, kMaxShardBytes);
  EXPECT_EQ(NamesOf(plan, &PlannedPart::weights).size(), 2);
  EXPECT_EQ(plan.parts[3].spans.count, 0);
  EXPECT_TRUE(plan.parts[3].moments.empty());
}

CheckpointManifest ManifestOf(const std::vector<std::string>& names) {
  CheckpointManifest manifest;
  for (const std::string& name : names) manifest.files.push_back({.name = name});
  return manifest;
}

TEST(CheckpointPlanTest, FilesOfMomentsAreFoundInAManifestAndAMissingOneIsNamed) {
  EXPECT_THAT(*OptimizerFilesOf(ManifestOf({"config.json", "optimizer.safetensors"})),
              ElementsAre("optimizer.safetensors"));
  EXPECT_THAT(OptimizerFilesOf(ManifestOf({"config.json"})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("optimizer.safetensors")));
  const CheckpointPlan plan = PlanCheckpoint(LayoutOf({1, 1, 1}, 3), 3, kMaxShardBytes);
  const std::vector<std::string> names = NamesOf(plan, &PlannedPart::moments);
  EXPECT_THAT(*OptimizerFilesOf(ManifestOf(names)), ::testing::ElementsAreArray(names));
  for (const std::string& missing : names) {
    std::vector<std::string> others = names;
    std::erase(others, missing);
    EXPECT_THAT(OptimizerFilesOf(ManifestOf(others)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(missing)));
  }
  EXPECT_THAT(OptimizerFilesOf(ManifestOf({"optimizer-00001-of-99999999999.safetensors"})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("optimizer-00002")));
}

}  // namespace
}  // namespace cohort::learner
