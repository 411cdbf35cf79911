// SPDX-License-Identifier: Apache-2.0
#include "model/weights/checkpoint_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/model_config.h"

namespace cohort::model {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

class CheckpointFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy("model/testdata/qwen3_tiny_untied", dir_.Join("source"));
    // The vocabulary is smaller than the tokenizer's; nothing here reads it.
    std::filesystem::copy("model/testdata/tokenizers/characters/tokenizer.json", dir_.Join("source/tokenizer.json"));
    std::filesystem::create_directory(dir_.Join("copy"));
    config_ = *LoadModelConfig(dir_.Join("source"));
  }

  absl::StatusOr<ParameterMap> Load(const std::string& folder) {
    return LoadParameters(dir_.Join(folder), config_, at::kCPU);
  }

  common::TempDir dir_;
  ModelConfig config_;
};

void ExpectSame(const ParameterMap& a, const ParameterMap& b) {
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (size_t i = 0; i < a.entries.size(); ++i) {
    EXPECT_EQ(a.entries[i].first, b.entries[i].first);
    EXPECT_TRUE(at::equal(a.entries[i].second, b.entries[i].second)) << a.entries[i].first;
  }
}

TEST_F(CheckpointFolderTest, WhatIsWrittenInShardsIsLoadedBitForBit) {
  ASSERT_OK_AND_ASSIGN(const ParameterMap parameters, Load("source"));
  for (const int64_t limit : {int64_t{10'000}, kMaxShardBytes}) {
    ASSERT_OK(WriteModelFolder(dir_.Join("copy"), dir_.Join("source"), parameters, limit));
    EXPECT_EQ(std::filesystem::exists(dir_.Join("copy/model.safetensors.index.json")), limit == 10'000);
    ASSERT_OK_AND_ASSIGN(const ParameterMap loaded, Load("copy"));
    ExpectSame(parameters, loaded);
  }
}

TEST_F(CheckpointFolderTest, EverythingBesidesTheWeightsIsCopiedUnchanged) {
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
                           "merges.txt", "chat_template.jinja"}) {
    std::ofstream(dir_.Join("source/") + name) << "text of " << name;
  }
  std::ofstream(dir_.Join("source/training_args.bin")) << "left behind";
  ASSERT_OK_AND_ASSIGN(const ParameterMap parameters, Load("source"));
  ASSERT_OK(WriteModelFolder(dir_.Join("copy"), dir_.Join("source"), parameters));
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja"}) {
    EXPECT_EQ(*common::ReadFile(dir_.Join("copy/") + name), *common::ReadFile(dir_.Join("source/") + name)) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("copy/training_args.bin")));
}

TEST_F(CheckpointFolderTest, WeightsAreReadIntoTensorsThatAreThere) {
  ASSERT_OK_AND_ASSIGN(const ParameterMap expected, Load("source"));
  ParameterMap places;
  for (const auto& [name, tensor] : expected.entries) {
    places.entries.emplace_back(name, at::full_like(tensor, -1).requires_grad_(true));
  }
  const void* memory = places.entries[0].second.const_data_ptr();
  ASSERT_OK(LoadParametersInto(dir_.Join("source"), config_, places));
  EXPECT_EQ(places.entries[0].second.const_data_ptr(), memory);
  ExpectSame(expected, places);
}

TEST_F(CheckpointFolderTest, PlacesThatDoNotFitAreRefused) {
  ASSERT_OK_AND_ASSIGN(ParameterMap places, Load("source"));
  const std::string directory = dir_.Join("source");
  const at::Tensor first = places.entries[0].second;
  places.entries[0].second = first.to(at::kDouble);
  EXPECT_THAT(LoadParametersInto(directory, config_, places),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model.embed_tokens.weight")));
  places.entries[0].second = first.t();
  EXPECT_FALSE(LoadParametersInto(directory, config_, places).ok());
  places.entries[0].second = first;
  std::swap(places.entries[1], places.entries[2]);
  EXPECT_THAT(LoadParametersInto(directory, config_, places),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("place 1 must be")));
  places.entries.pop_back();
  EXPECT_FALSE(LoadParametersInto(directory, config_, places).ok());
}

TEST_F(CheckpointFolderTest, TruncatedShardIsDataLoss) {
  std::filesystem::resize_file(dir_.Join("source/model-00001-of-00002.safetensors"), 5'000);
  EXPECT_THAT(Load("source"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("model-00001-of-00002.safetensors")));
}

}  // namespace
}  // namespace cohort::model
