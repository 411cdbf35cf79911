// SPDX-License-Identifier: Apache-2.0
#include "model/weights/model_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// A template: the tiny model's configuration with the character tokenizer.
class ModelFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ + "/template");
    config_ = json::parse(common::ReadFile("model/testdata/qwen3_tiny/config.json").value());
    config_["vocab_size"] = 60;
    WriteConfig("template");
    std::filesystem::copy("model/testdata/tokenizers/characters/tokenizer.json", root_ + "/template/tokenizer.json");
  }

  void WriteConfig(const std::string& folder) {
    ASSERT_TRUE(common::WriteFileAtomically(absl::StrCat(root_, "/", folder, "/config.json"), config_.dump()).ok());
  }

  std::string Init(const std::string& name, uint64_t seed) {
    const std::string folder = absl::StrCat(root_, "/", name);
    const absl::Status status = WriteRandomModel(root_ + "/template", folder, seed);
    EXPECT_TRUE(status.ok()) << status;
    return folder;
  }

  // The folder's weights with one change.
  void Rewrite(const std::string& folder, const std::function<void(std::vector<TensorToWrite>*)>& change) {
    const auto reader = SafetensorsReader::Open(folder + "/model.safetensors").value();
    std::vector<TensorToWrite> tensors;
    std::string bytes;  // of the tensor being written
    for (const SafetensorsEntry& entry : reader->entries()) {
      tensors.push_back({entry.name, entry.dtype, entry.shape, [&] {
                           bytes = reader->ReadAll(entry).value();
                           return std::string_view(bytes);
                         }});
    }
    change(&tensors);
    ASSERT_TRUE(WriteSafetensors(folder + "/model.safetensors", tensors).ok());
  }

  std::string root_;
  json config_;
};

void ExpectRefused(const std::string& folder, absl::StatusCode code, std::vector<std::string> named) {
  const absl::Status status = InspectModelFolder(folder).status();
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& name : named) EXPECT_TRUE(absl::StrContains(status.message(), name)) << status;
}

TEST_F(ModelFolderTest, RandomModelPassesInspection) {
  const auto summary = InspectModelFolder(Init("model", 1));
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->num_parameters,
            60 * 32 + 2 * (32 + 64 * 32 + 2 * 32 * 32 + 2 * 16 + 32 * 64 + 32 + 3 * 48 * 32) + 32);
  EXPECT_EQ(summary->config.num_layers, 2);
}

TEST_F(ModelFolderTest, WeightsAreAFunctionOfTheSeed) {
  const auto weights = [](const std::string& folder) {
    return common::ReadFile(folder + "/model.safetensors").value();
  };
  const std::string first = weights(Init("a", 7));
  EXPECT_EQ(first, weights(Init("b", 7)));
  EXPECT_NE(first, weights(Init("c", 8)));
}

TEST_F(ModelFolderTest, WeightsHaveTheConfiguredSpreadAndNormsAreOne) {
  const auto reader = SafetensorsReader::Open(Init("model", 3) + "/model.safetensors").value();
  for (const SafetensorsEntry& entry : reader->entries()) {
    std::vector<float> values(static_cast<size_t>(entry.size_bytes) / 4);
    ASSERT_TRUE(reader->Read(entry, 0, entry.size_bytes, reinterpret_cast<char*>(values.data())).ok());
    double sum = 0, squares = 0;
    for (const float value : values) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    if (absl::StrContains(entry.name, "norm")) {
      EXPECT_EQ(sum, static_cast<double>(values.size())) << entry.name;
      EXPECT_EQ(squares, sum);
    } else {
      EXPECT_NEAR(sum / values.size(), 0.0, 4 * 0.4 / std::sqrt(values.size())) << entry.name;
      EXPECT_NEAR(std::sqrt(squares / values.size()), 0.4, 0.4 * 0.1) << entry.name;
    }
  }
}

TEST_F(ModelFolderTest, OutputFolderThatExistsIsRefusedAndKept) {
  std::filesystem::create_directories(root_ + "/there");
  EXPECT_EQ(WriteRandomModel(root_ + "/template", root_ + "/there", 1).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/there"));
}

TEST_F(ModelFolderTest, ModelLargerThanTheDiskIsRefusedAndLeavesNoFolder) {
  config_["hidden_size"] = config_["intermediate_size"] = 1 << 22;
  WriteConfig("template");
  const absl::Status status = WriteRandomModel(root_ + "/template", root_ + "/model", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(status.message(), "the weights need")) << status;
  EXPECT_FALSE(std::filesystem::exists(root_ + "/model"));
}

TEST_F(ModelFolderTest, DeeplyNestedTokenizerIsRefused) {
  const std::string folder = Init("model", 1);
  const std::string nested =
      absl::StrCat(R"({"model":)", std::string(1'000'000, '['), std::string(1'000'000, ']'), "}");
  ASSERT_TRUE(common::WriteFileAtomically(folder + "/tokenizer.json", nested).ok());
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"tokenizer.json: is nested deeper"});
}

TEST_F(ModelFolderTest, BadTemplateLeavesNoFolder) {
  config_["head_dim"] = 0;
  WriteConfig("template");
  EXPECT_EQ(WriteRandomModel(root_ + "/template", root_ + "/model", 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/model"));
}

TEST_F(ModelFolderTest, MissingTensorIsNamed) {
  const std::string folder = Init("model", 1);
  Rewrite(folder, [](std::vector<TensorToWrite>* tensors) { tensors->erase(tensors->begin() + 3); });
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument,
                {"model.safetensors", "model.layers.0.self_attn.k_proj.weight", "is missing"});
}

TEST_F(ModelFolderTest, SurplusTensorIsNamed) {
  const std::string folder = Init("model", 1);
  Rewrite(folder, [](std::vector<TensorToWrite>* tensors) {
    tensors->push_back({"model.extra", "F32", {1}, [] { return std::string_view("1234"); }});
  });
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"model.extra", "no such parameter"});
}

TEST_F(ModelFolderTest, WrongShapeIsNamed) {
  const std::string folder = Init("model", 1);
  Rewrite(folder, [](std::vector<TensorToWrite>* tensors) { (*tensors)[2].shape = {32, 64}; });
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument,
                {"model.layers.0.self_attn.q_proj.weight", "[32, 64]", "[64, 32]"});
}

TEST_F(ModelFolderTest, WrongDtypeIsNamed) {
  const std::string folder = Init("model", 1);
  Rewrite(folder, [](std::vector<TensorToWrite>* tensors) { (*tensors)[2].dtype = "I32"; });
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"q_proj.weight", "I32"});
}

TEST_F(ModelFolderTest, TruncatedWeightsAreDataLoss) {
  const std::string folder = Init("model", 1);
  std::filesystem::resize_file(folder + "/model.safetensors", 20'000);
  ExpectRefused(folder, absl::StatusCode::kDataLoss, {"model.safetensors", "tensor ", "truncated"});
}

TEST_F(ModelFolderTest, FolderWithoutWeightsIsNotFound) {
  ExpectRefused(root_ + "/template", absl::StatusCode::kNotFound, {"model.safetensors"});
}

TEST_F(ModelFolderTest, VocabularySmallerThanTheTokenizerIsRefused) {
  config_["vocab_size"] = 30;
  WriteConfig("template");
  const absl::Status status = WriteRandomModel(root_ + "/template", root_ + "/model", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "vocab_size")) << status;
}

TEST_F(ModelFolderTest, TiedHeadMustEqualTheEmbedding) {
  const std::string folder = Init("model", 1);
  std::string copy;
  const auto add_head = [&](bool changed) {
    Rewrite(folder, [&](std::vector<TensorToWrite>* tensors) {
      if (tensors->back().name == "lm_head.weight") tensors->pop_back();
      copy = (*tensors)[0].bytes();
      if (changed) copy[5] ^= 1;
      tensors->push_back({"lm_head.weight", "F32", (*tensors)[0].shape, [&copy] { return std::string_view(copy); }});
    });
  };
  add_head(/*changed=*/false);
  EXPECT_TRUE(InspectModelFolder(folder).ok());
  add_head(/*changed=*/true);
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"lm_head.weight", "differs from the embedding"});
}

class ShardedFolderTest : public ModelFolderTest {
 protected:
  void SetUp() override {
    ModelFolderTest::SetUp();
    folder_ = root_ + "/sharded";
    std::filesystem::copy("model/testdata/qwen3_tiny_untied", folder_);
    config_ = json::parse(common::ReadFile(folder_ + "/config.json").value());
    config_["vocab_size"] = 33;
    index_ = json::parse(common::ReadFile(folder_ + "/model.safetensors.index.json").value());
    // 33 ids of characters.
    json tokenizer = json::parse(common::ReadFile(root_ + "/template/tokenizer.json").value());
    json& vocabulary = tokenizer["model"]["vocab"];
    for (auto it = vocabulary.begin(); it != vocabulary.end();) it = it.value() >= 33 ? vocabulary.erase(it) : ++it;
    ASSERT_TRUE(common::WriteFileAtomically(folder_ + "/tokenizer.json", tokenizer.dump()).ok());
  }

  void WriteIndex() {
    ASSERT_TRUE(common::WriteFileAtomically(folder_ + "/model.safetensors.index.json", index_.dump()).ok());
  }

  std::string folder_;
  json index_;
};

TEST_F(ShardedFolderTest, ShardsOfTransformersPassInspection) {
  const auto summary = InspectModelFolder(folder_);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_FALSE(summary->config.tie_word_embeddings);
}

TEST_F(ShardedFolderTest, MissingShardIsNamed) {
  std::filesystem::remove(folder_ + "/model-00002-of-00002.safetensors");
  ExpectRefused(folder_, absl::StatusCode::kNotFound, {"model-00002-of-00002.safetensors"});
}

TEST_F(ShardedFolderTest, IndexThatNamesAnotherShardIsRefused) {
  index_["weight_map"]["lm_head.weight"] = index_["weight_map"]["lm_head.weight"] == "model-00001-of-00002.safetensors"
                                               ? "model-00002-of-00002.safetensors"
                                               : "model-00001-of-00002.safetensors";
  WriteIndex();
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"index.json", "lm_head.weight"});
}

TEST_F(ShardedFolderTest, DeeplyNestedIndexIsRefused) {
  const std::string nested = absl::StrCat(R"({"weight_map":)", std::string(1'000'000, '['), "}");
  ASSERT_TRUE(common::WriteFileAtomically(folder_ + "/model.safetensors.index.json", nested).ok());
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"index.json: is nested deeper"});
}

TEST_F(ShardedFolderTest, IndexMustStayInsideTheFolder) {
  index_["weight_map"]["lm_head.weight"] = "../other/model.safetensors";
  WriteIndex();
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"weight_map", "lm_head.weight"});
}

}  // namespace
}  // namespace cohort::model
