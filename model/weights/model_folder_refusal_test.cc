// SPDX-License-Identifier: Apache-2.0
// What InspectModelFolder refuses, which is what a submit refuses: each by file, place and reason.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/weights/model_folder.h"
#include "model/weights/model_folder_fixture.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::model {
namespace {

using nlohmann::json;

TEST_F(ModelFolderTest, DeeplyNestedTokenizerIsRefused) {
  const std::string folder = Init("model", 1);
  const std::string nested =
      absl::StrCat(R"({"model":)", std::string(1'000'000, '['), std::string(1'000'000, ']'), "}");
  ASSERT_TRUE(common::WriteFileAtomically(folder + "/tokenizer.json", nested).ok());
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"tokenizer.json: is nested deeper"});
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

TEST_F(ModelFolderTest, RotaryBufferOfEarlyCheckpointsIsIgnoredByExactlyItsName) {
  const std::string folder = Init("model", 1);
  Rewrite(folder, [](std::vector<TensorToWrite>* tensors) {
    tensors->push_back(
        {"model.layers.1.self_attn.rotary_emb.inv_freq", "F32", {1}, [] { return std::string_view("1234"); }});
  });
  const auto summary = InspectModelFolder(folder);
  EXPECT_TRUE(summary.ok()) << summary.status();
  for (const char* other :
       {"model.layers..self_attn.rotary_emb.inv_freq", "model.layers.1x.self_attn.rotary_emb.inv_freq",
        "model.layers.1", "model.layers.1.self_attn.rotary_emb.inv_freq.weight", "model.rotary_emb.inv_freq",
        "x.model.layers.1.self_attn.rotary_emb.inv_freq"}) {
    Rewrite(folder, [&](std::vector<TensorToWrite>* tensors) { tensors->back().name = other; });
    ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {absl::StrCat("tensor ", other, ": "), "no such"});
  }
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
  ExpectRefused(folder_, absl::StatusCode::kNotFound,
                {"model.safetensors.index.json: weight_map: ", "(model-00002-of-00002.safetensors)"});
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

TEST_F(ShardedFolderTest, NoNameLeadsOutOfTheFolder) {
  for (const char* name : {"/etc/passwd", "..", ".", "", "a/model.safetensors", "./model-00001-of-00002.safetensors"}) {
    index_["weight_map"]["lm_head.weight"] = name;
    WriteIndex();
    ExpectRefused(folder_, absl::StatusCode::kInvalidArgument,
                  {"index.json", "lm_head.weight", "not a file name", absl::StrCat("(\"", name, "\")")});
  }
  index_["weight_map"]["lm_head.weight"] = std::string("model-00002-of-00002.safetensors\0x", 34);
  WriteIndex();
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"lm_head.weight", "not a file name"});
}

// Its path would be in messages and logs.
TEST_F(ShardedFolderTest, NameOfAShardMustBePrintable) {
  for (const char* name : {"a\nerror forged=1", "a\x1b[2J", "a\x7f"}) {
    index_["weight_map"]["lm_head.weight"] = name;
    WriteIndex();
    ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"index.json", "lm_head.weight", "not a file name"});
  }
}

TEST_F(ShardedFolderTest, IndexOfAnotherFormIsRefused) {
  for (const json& map : {json(nullptr), json::object(), json::array({"a"}), json{{"lm_head.weight", 1}}}) {
    index_["weight_map"] = map;
    WriteIndex();
    ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"index.json: weight_map: "});
  }
}

TEST_F(ShardedFolderTest, KeyGivenTwiceInTheIndexIsRefused) {
  const std::string text = index_.dump();
  const std::string name = R"("lm_head.weight":)";
  const size_t at = text.find(name);
  const std::string twice =
      absl::StrCat(text.substr(0, at), name, R"("model-00001-of-00002.safetensors",)", text.substr(at));
  ASSERT_TRUE(common::WriteFileAtomically(folder_ + "/model.safetensors.index.json", twice).ok());
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"index.json", "lm_head.weight: key is given twice"});
}

TEST_F(ShardedFolderTest, IndexNamingAFileThatIsNotThereNamesIt) {
  index_["weight_map"]["lm_head.weight"] = "model-00003-of-00003.safetensors";
  WriteIndex();
  ExpectRefused(folder_, absl::StatusCode::kNotFound,
                {"model.safetensors.index.json: weight_map: lm_head.weight: names a file that is not there",
                 "(model-00003-of-00003.safetensors)"});
}

TEST_F(ShardedFolderTest, TensorThatTheIndexLacksIsNamed) {
  index_["weight_map"].erase("model.norm.weight");
  WriteIndex();
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"model.norm.weight: is not in"});
}

TEST_F(ShardedFolderTest, TensorThatNoShardHasIsNamed) {
  index_["weight_map"]["model.absent"] = "model-00001-of-00002.safetensors";
  WriteIndex();
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"index.json: tensor model.absent: is not in the shard"});
}

TEST_F(ShardedFolderTest, TensorInTwoShardsIsNamed) {
  std::filesystem::copy_file(folder_ + "/model-00002-of-00002.safetensors",
                             folder_ + "/model-00001-of-00002.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  ExpectRefused(folder_, absl::StatusCode::kInvalidArgument, {"is in another shard too"});
}

TEST_F(ShardedFolderTest, TruncatedShardIsDataLoss) {
  const std::string shard = folder_ + "/model-00002-of-00002.safetensors";
  std::filesystem::resize_file(shard, std::filesystem::file_size(shard) - 1);
  ExpectRefused(folder_, absl::StatusCode::kDataLoss, {"model-00002-of-00002.safetensors", "tensor ", "truncated"});
}

TEST_F(ModelFolderTest, TokenizerWithIdsBeyondTheEmbeddingIsRefused) {
  const std::string folder = Init("model", 1);
  json tokenizer = json::parse(common::ReadFile(folder + "/tokenizer.json").value());
  tokenizer["model"]["vocab"]["#"] = 60;
  ASSERT_TRUE(common::WriteFileAtomically(folder + "/tokenizer.json", tokenizer.dump()).ok());
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"config.json: vocab_size", "61 ids", "(60)"});
}

TEST_F(ModelFolderTest, EmbeddingWithRowsThatNoTokenUsesIsFine) {
  config_["vocab_size"] = 128;
  WriteConfig("template");
  EXPECT_TRUE(InspectModelFolder(Init("model", 1)).ok());
}

TEST_F(ModelFolderTest, IdsOfSpecialTokensMustLieInTheVocabulary) {
  const std::string folder = Init("model", 1);
  const json good = {{"eos_token_id", 0}, {"bos_token_id", nullptr}};
  for (const char* key : {"eos_token_id", "bos_token_id"}) {
    for (const json& id : {json(60), json(-1), json(1.5), json("a"), json::array({1, 60})}) {
      json generation = good;
      generation[key] = id;
      ASSERT_TRUE(common::WriteFileAtomically(folder + "/generation_config.json", generation.dump()).ok());
      ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"generation_config.json", key, "vocab_size 60"});
    }
  }
  // What generation_config.json overrides must make sense too.
  ASSERT_TRUE(common::WriteFileAtomically(folder + "/generation_config.json", good.dump()).ok());
  config_["eos_token_id"] = 60;
  WriteConfig("model");
  ExpectRefused(folder, absl::StatusCode::kInvalidArgument, {"/config.json: eos_token_id", "(60)"});
}

}  // namespace
}  // namespace cohort::model
