// SPDX-License-Identifier: Apache-2.0
// The digest of a folder against that of the tensors that are loaded from it, or were written into it.
#include "model/weight_sync/folder_digest.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/architectures/architecture_table.h"
#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"
#include "model/parameter_map.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/checkpoint_folder.h"
#include "model/weights/weight_files_writer.h"

namespace cohort::model {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kSmallShardBytes = 10'000;

// What a worker says that has loaded the folder.
std::string LoadedDigest(const std::string& folder) {
  const ModelConfig config = *LoadModelConfig(folder);
  return DescribeWeights(*LoadParameters(folder, config, at::kCPU))->digest();
}

class FolderDigestTest : public ::testing::Test {
 protected:
  // A folder with the tiny model's configuration but for the vocabulary: the embedding is not a whole number of pieces.
  void SetUp() override {
    auto config = nlohmann::json::parse(*common::ReadFile("model/testdata/qwen3_tiny/config.json"));
    config["vocab_size"] = 3 * kFolderDigestBytes / 4 / 2 / 32 + 1;
    std::filesystem::create_directory(folder_);
    ASSERT_OK(common::WriteFileAtomically(folder_ + "/config.json", config.dump()));
    at::manual_seed(1);
    config_ = *LoadModelConfig(folder_);
    for (const ParameterSpec& spec : FindArchitecture(config_.architecture)->parameters(config_)) {
      parameters_.entries.emplace_back(spec.name, at::randn(spec.shape));
    }
  }

  // Rounds the parameters to `type` and writes them so, with more tensors behind them.
  void Write(const std::string& dtype, at::ScalarType type, int64_t max_shard_bytes = kMaxShardBytes,
             const ParameterMap& further = {}) {
    for (auto& [name, tensor] : parameters_.entries) tensor = tensor.to(type).to(at::kFloat);
    std::vector<TensorToWrite> tensors;
    at::Tensor stored;  // keeps the bytes of the tensor being written
    for (const ParameterMap* map : {static_cast<const ParameterMap*>(&parameters_), &further}) {
      for (const auto& [name, tensor] : map->entries) {
        tensors.push_back({name, dtype, tensor.sizes().vec(), [&stored, &tensor = tensor, type] {
                             stored = tensor.to(type).contiguous();
                             return std::string_view(static_cast<const char*>(stored.const_data_ptr()),
                                                     stored.nbytes());
                           }});
      }
    }
    ASSERT_OK(WriteWeightFiles(folder_, tensors, max_shard_bytes));
  }
  std::string WrittenDigest() const { return DescribeWeights(parameters_)->digest(); }

  common::TempDir dir_;
  const std::string folder_ = dir_.Join("model");
  ModelConfig config_;
  ParameterMap parameters_;
};

TEST_F(FolderDigestTest, IsThatOfTheLoadedWeightsOfEveryArchitecture) {
  for (const std::string name :
       {"llama_tiny_scaled", "llama_tiny_untied", "mistral_tiny", "mistral_tiny_window", "qwen2_tiny",
        "qwen2_tiny_untied_window", "qwen3_tiny", "qwen3_tiny_untied", "qwen3_tiny_window"}) {
    const std::string folder = "model/testdata/" + name;
    EXPECT_THAT(FolderDigest(folder), IsOkAndHolds(LoadedDigest(folder))) << name;
  }
}

TEST_F(FolderDigestTest, IsThatOfTheValuesAsFp32HoweverTheyAreStored) {
  const std::pair<std::string, at::ScalarType> types[] = {
      {"F32", at::kFloat}, {"BF16", at::kBFloat16}, {"F16", at::kHalf}};
  for (const auto& [dtype, type] : types) {
    for (const int64_t max_shard_bytes : {kMaxShardBytes, kSmallShardBytes}) {
      Write(dtype, type, max_shard_bytes);
      EXPECT_EQ(std::filesystem::exists(folder_ + "/model.safetensors"), max_shard_bytes == kMaxShardBytes);
      EXPECT_THAT(FolderDigest(folder_), IsOkAndHolds(WrittenDigest())) << dtype << " " << max_shard_bytes;
      EXPECT_EQ(WrittenDigest(), LoadedDigest(folder_)) << dtype << " " << max_shard_bytes;
    }
  }
}

TEST_F(FolderDigestTest, StoredCopyOfATiedEmbeddingIsNoParameter) {
  Write("BF16", at::kBFloat16);
  ASSERT_OK_AND_ASSIGN(const std::string digest, FolderDigest(folder_));
  Write("BF16", at::kBFloat16, kMaxShardBytes, {{{"lm_head.weight", parameters_.Find("model.embed_tokens.weight")}}});
  EXPECT_THAT(FolderDigest(folder_), IsOkAndHolds(digest));
  EXPECT_EQ(LoadedDigest(folder_), digest);
}

TEST_F(FolderDigestTest, LastBitOfTheLastValueCounts) {
  Write("F32", at::kFloat);
  ASSERT_OK_AND_ASSIGN(const std::string digest, FolderDigest(folder_));
  ASSERT_OK_AND_ASSIGN(std::string bytes, common::ReadFile(folder_ + "/model.safetensors"));
  bytes[bytes.size() - 4] ^= 1;
  ASSERT_OK(common::WriteFileAtomically(folder_ + "/model.safetensors", bytes));
  ASSERT_OK_AND_ASSIGN(const std::string changed, FolderDigest(folder_));
  EXPECT_NE(changed, digest);
}

TEST_F(FolderDigestTest, FolderThatCannotBeLoadedHasNoDigest) {
  EXPECT_THAT(FolderDigest(folder_), StatusIs(absl::StatusCode::kNotFound, HasSubstr("model.safetensors")));
  Write("F32", at::kFloat);
  std::filesystem::resize_file(folder_ + "/model.safetensors", 100'000);
  EXPECT_THAT(FolderDigest(folder_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("model.safetensors")));
  parameters_.entries.pop_back();
  Write("F32", at::kFloat);
  EXPECT_THAT(FolderDigest(folder_),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("tensor "), HasSubstr("is missing"))));
}

TEST_F(FolderDigestTest, EndsSoonWhenItIsStopped) {
  Write("F32", at::kFloat);
  EXPECT_THAT(FolderDigest(folder_, [] { return true; }), StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
}

}  // namespace
}  // namespace cohort::model
