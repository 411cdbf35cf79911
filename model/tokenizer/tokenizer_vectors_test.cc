// SPDX-License-Identifier: Apache-2.0
// Every result of the oracle, PyPI `tokenizers`: see model/testdata/make_tokenizer_vectors.py.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/tokenizer/incremental_decoder.h"
#include "model/tokenizer/testing/gpt2_tokenizer.h"
#include "model/tokenizer/testing/id_digest.h"
#include "model/tokenizer/testing/random_texts.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {
namespace {

using nlohmann::json;

constexpr int kBlock = 100;
constexpr size_t kDigestChars = 16;

json ReadJson(const std::string& file) {
  return json::parse(std::ifstream(absl::StrCat("model/testdata/tokenizers/", file)));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Load(const std::string& name) {
  if (name == "gpt2") return LoadGpt2Tokenizer(testing::TempDir());
  return Tokenizer::Load(absl::StrCat("model/testdata/tokenizers/", name));
}

class TokenizerVectorsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto tokenizer = Load(GetParam());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    vectors_ = ReadJson(absl::StrCat(GetParam(), "/vectors.json"));
    hard_texts_ = ReadJson("hard_texts.json").get<std::vector<std::string>>();
    ASSERT_GE(hard_texts_.size(), 1000u);
  }

  // Digest number `block` of a list of them.
  std::string Expected(const char* key, int block) const {
    return vectors_[key].get_ref<const std::string&>().substr(block * kDigestChars, kDigestChars);
  }
  int NumBlocks(const char* key) const {
    return static_cast<int>(vectors_[key].get_ref<const std::string&>().size() / kDigestChars);
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  json vectors_;
  std::vector<std::string> hard_texts_;
};

std::string DigestOfEncodings(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  IdDigest digest;
  for (const std::string& text : texts) digest.Add(tokenizer.EncodeWithSpecialTokens(text).value());
  return digest.Hex();
}

TEST_P(TokenizerVectorsTest, EncodesHardTexts) {
  IdDigest digest;
  for (size_t i = 0; i < hard_texts_.size(); ++i) {
    const auto ids = tokenizer_->Encode(hard_texts_[i]);
    ASSERT_TRUE(ids.ok()) << ids.status() << json(hard_texts_[i]);
    digest.Add(*ids);
    if (!vectors_["ids"].is_array()) continue;
    EXPECT_EQ(*ids, vectors_["ids"][i]) << json(hard_texts_[i]);
  }
  if (vectors_["ids"].is_string()) {
    EXPECT_EQ(digest.Hex(), vectors_["ids"]);
  }
}

TEST_P(TokenizerVectorsTest, AddsTheSpecialTokensOfTheTemplate) {
  EXPECT_EQ(DigestOfEncodings(*tokenizer_, hard_texts_), vectors_["with_special_tokens"]);
}

TEST_P(TokenizerVectorsTest, DecodesHardTexts) {
  IdDigest digest;
  for (const std::string& text : hard_texts_) {
    const std::vector<int32_t> ids = tokenizer_->Encode(text).value();
    digest.Add(tokenizer_->Decode(ids).value());
    digest.Add(tokenizer_->Decode(ids, /*keep_special=*/true).value());
  }
  EXPECT_EQ(digest.Hex(), vectors_["hard_text_decodings"]);
}

TEST_P(TokenizerVectorsTest, EncodesAHundredThousandRandomTexts) {
  RandomTexts random(2024);
  ASSERT_EQ(NumBlocks("random_texts"), 1000);
  int num_different = 0;
  for (int block = 0; block < NumBlocks("random_texts") && num_different < 3; ++block) {
    IdDigest digest;
    std::string texts;
    for (int i = 0; i < kBlock; ++i) {
      const std::string text = random.NextText();
      digest.Add(tokenizer_->Encode(text).value());
      absl::StrAppend(&texts, json(text).dump(), "\n");
    }
    if (digest.Hex() == Expected("random_texts", block)) continue;
    ++num_different;
    ADD_FAILURE() << "block " << block << " has other ids:\n" << texts;
  }
}

TEST_P(TokenizerVectorsTest, DecodesRandomIds) {
  RandomTexts random(7);
  ASSERT_EQ(NumBlocks("random_decodings"), 200);
  for (int block = 0; block < NumBlocks("random_decodings"); ++block) {
    IdDigest digest;
    for (int i = 0; i < kBlock; ++i) {
      digest.Add(tokenizer_->Decode(random.NextIds(tokenizer_->VocabSize()), /*keep_special=*/i % 2 == 1).value());
    }
    EXPECT_EQ(digest.Hex(), Expected("random_decodings", block)) << "block " << block;
  }
}

TEST_P(TokenizerVectorsTest, PiecesOfIncrementalDecodingAreTheDecodedText) {
  RandomTexts random(8);
  for (int i = 0; i < 20'000; ++i) {
    const bool keep_special = i % 2 == 1;
    const std::vector<int32_t> ids = random.NextIds(tokenizer_->VocabSize() + 20);  // some ids have no token
    IncrementalDecoder decoder(*tokenizer_, keep_special);
    std::string text;
    for (const int32_t id : ids) text += decoder.Push(id).value();
    text += decoder.Finish();
    ASSERT_EQ(text, tokenizer_->Decode(ids, keep_special).value()) << json(ids);
  }
}

TEST_P(TokenizerVectorsTest, VariantsOfTheFileEncodeHardTexts) {
  for (const json& variant : vectors_["variants"]) {
    json description = ReadJson(absl::StrCat(GetParam(), "/tokenizer.json"));
    description.merge_patch(variant["patch"]);
    const std::string folder = testing::TempDir();
    ASSERT_TRUE(common::WriteFileAtomically(absl::StrCat(folder, "/tokenizer.json"), description.dump()).ok());
    const auto tokenizer = Tokenizer::Load(folder);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    EXPECT_EQ(DigestOfEncodings(**tokenizer, hard_texts_), variant["ids"]) << variant["patch"];
  }
}

TEST_P(TokenizerVectorsTest, CountsIds) { EXPECT_EQ(tokenizer_->VocabSize(), vectors_["vocab_size"].get<int64_t>()); }

INSTANTIATE_TEST_SUITE_P(Styles, TokenizerVectorsTest,
                         testing::Values("gpt2_style", "qwen_style", "llama3_style", "gpt2"),
                         [](const testing::TestParamInfo<const char*>& style) { return style.param; });

TEST(CharacterTokenizerTest, EncodesWithoutMerges) {
  const auto tokenizer = Load("characters").value();
  const json vectors = ReadJson("characters/vectors.json");
  ASSERT_GE(vectors["texts"].size(), 50u);
  for (size_t i = 0; i < vectors["texts"].size(); ++i) {
    EXPECT_EQ(tokenizer->Encode(vectors["texts"][i].get<std::string>()).value(), vectors["ids"][i])
        << vectors["texts"][i];
  }
}

}  // namespace
}  // namespace cohort::model
