// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_files_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/weights/folder_files.h"
#include "model/weights/weight_file_names.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A tensor of `count` fp32 numbers, all of them `value`, handed over in pieces of at most 12 bytes.
TensorToWrite Constant(const std::string& name, int64_t count, float value) {
  auto bytes = std::make_shared<std::string>();
  for (int64_t i = 0; i < count; ++i) bytes->append(reinterpret_cast<const char*>(&value), sizeof(value));
  return {name, "F32", {count}, [bytes, first = size_t{0}]() mutable {
            const std::string_view piece = std::string_view(*bytes).substr(first, 12);
            first += piece.size();
            return piece;
          }};
}

std::vector<TensorToWrite> FiveTensors(float value) {
  return {Constant("a", 4, value), Constant("b", 2, value), Constant("c", 20, value), Constant("d", 1, value),
          Constant("e", 5, value)};
}

class WeightFilesWriterTest : public ::testing::Test {
 protected:
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // The first number of a tensor.
  float First(const std::string& name) const {
    const auto files = WeightFiles::Open(dir_.path());
    EXPECT_OK(files);
    float value = 0;
    EXPECT_OK(files->Get(name).Read(0, 4, reinterpret_cast<char*>(&value)));
    return value;
  }

  common::TempDir dir_;
};

TEST_F(WeightFilesWriterTest, ModelBelowTheLimitIsOneFile) {
  ASSERT_OK(WriteWeightFiles(dir_.path(), FiveTensors(1), /*max_shard_bytes=*/128));
  EXPECT_THAT(Names(), ElementsAre("model.safetensors"));
  EXPECT_EQ(First("e"), 1);
}

TEST_F(WeightFilesWriterTest, ModelAboveTheLimitIsCutBetweenTensors) {
  ASSERT_OK(WriteWeightFiles(dir_.path(), FiveTensors(1), /*max_shard_bytes=*/24));
  // 16 + 8, 80 (larger than the limit, alone), 4 + 20.
  EXPECT_THAT(Names(), ElementsAre("model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                                   "model-00003-of-00003.safetensors", "model.safetensors.index.json"));
  const auto index = nlohmann::json::parse(*common::ReadFile(dir_.Join("model.safetensors.index.json")));
  EXPECT_EQ(index["metadata"]["total_size"], 128);
  EXPECT_EQ(index["weight_map"]["b"], "model-00001-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["c"], "model-00002-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["d"], "model-00003-of-00003.safetensors");
  for (const char* name : {"a", "b", "c", "d", "e"}) EXPECT_EQ(First(name), 1) << name;
}

TEST_F(WeightFilesWriterTest, WhatIsLeftOfAnEarlierWriteIsRemovedAndNothingElse) {
  std::ofstream(dir_.Join("optimizer.safetensors")) << "kept";
  std::ofstream(dir_.Join("model-notes.safetensors")) << "kept";
  for (const int64_t limit : {24, 1000, 40, 24, 1000}) {
    const auto value = static_cast<float>(limit);
    ASSERT_OK(WriteWeightFiles(dir_.path(), FiveTensors(value), limit));
    for (const char* name : {"a", "b", "c", "d", "e"}) EXPECT_EQ(First(name), value) << name;
    EXPECT_EQ(std::filesystem::exists(dir_.Join("model.safetensors")), limit == 1000);
    EXPECT_EQ(Names().size(), limit == 1000 ? 3u : 6u);
    EXPECT_EQ(*common::ReadFile(dir_.Join("optimizer.safetensors")), "kept");
    EXPECT_EQ(*common::ReadFile(dir_.Join("model-notes.safetensors")), "kept");
  }
}

TEST_F(WeightFilesWriterTest, FailureLeavesNoShardOfItsOwn) {
  std::vector<TensorToWrite> tensors = FiveTensors(1);
  tensors.back().bytes = [] { return std::string_view(); };
  EXPECT_THAT(WriteWeightFiles(dir_.path(), tensors, /*max_shard_bytes=*/24),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tensor e: has 0 bytes")));
  EXPECT_THAT(Names(), ElementsAre());
}

// Where one file is replaced by shards, a write that dies before its index leaves the old model.
TEST_F(WeightFilesWriterTest, FailureBesideASingleFileLeavesTheOldModel) {
  ASSERT_OK(WriteWeightFiles(dir_.path(), FiveTensors(1), /*max_shard_bytes=*/1000));
  std::vector<TensorToWrite> tensors = FiveTensors(2);
  tensors.back().bytes = [] { return std::string_view(); };
  EXPECT_FALSE(WriteWeightFiles(dir_.path(), tensors, /*max_shard_bytes=*/24).ok());
  EXPECT_EQ(First("a"), 1);
  EXPECT_THAT(Names(), ElementsAre("model.safetensors"));
}

TEST_F(WeightFilesWriterTest, ShardsWithoutTheirIndexAreNoModel) {
  ASSERT_OK(WriteWeightFiles(dir_.path(), FiveTensors(1), /*max_shard_bytes=*/24));
  std::filesystem::remove(dir_.Join("model.safetensors.index.json"));
  EXPECT_THAT(WeightFiles::Open(dir_.path()), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(WeightFilesWriterTest, NameGivenTwiceIsRefused) {
  EXPECT_THAT(WriteWeightFiles(dir_.path(), {Constant("a", 1, 1), Constant("a", 2, 1)}, /*max_shard_bytes=*/4),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tensor a: is given twice")));
}

TEST_F(WeightFilesWriterTest, RemovingAModelFolderRemovesItsShards) {
  for (const int64_t limit : {24, 1000}) {
    ASSERT_OK(WriteWeightFiles(dir_.path(), FiveTensors(1), limit));
    std::ofstream(dir_.Join("config.json")) << "{}";
    RemoveFolderFiles(dir_.path());
    EXPECT_THAT(Names(), ElementsAre());
  }
}

TEST(WeightFileNamesTest, NamesOfShardsAreRecognised) {
  EXPECT_EQ(ShardFileName(3, 12), "model-00003-of-00012.safetensors");
  EXPECT_TRUE(IsShardFileName("model-00003-of-00012.safetensors"));
  EXPECT_TRUE(IsShardFileName(ShardFileName(100'000, 100'001)));
  for (const char* name :
       {"model.safetensors", "model-3-of-12.safetensors", "model-00003-of-00012.safetensors.partial-1",
        "model-00003-of-.safetensors", "optimizer-00001-of-00002.safetensors", ""}) {
    EXPECT_FALSE(IsShardFileName(name)) << name;
  }
}

}  // namespace
}  // namespace cohort::model
