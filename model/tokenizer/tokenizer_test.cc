// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace cohort::model {
namespace {

using nlohmann::json;

json ReadJson(const std::string& name, const char* file) {
  return json::parse(std::ifstream(absl::StrCat("model/testdata/tokenizers/", name, "/", file)));
}
json Vectors(const std::string& name) { return ReadJson(name, "vectors.json"); }
json Description(const std::string& name) { return ReadJson(name, "tokenizer.json"); }

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadText(const std::string& text) {
  const std::string folder = testing::TempDir();
  EXPECT_TRUE(common::WriteFileAtomically(absl::StrCat(folder, "/tokenizer.json"), text).ok());
  return Tokenizer::Load(folder);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadJson(const json& description) { return LoadText(description.dump()); }

class TokenizerVectorsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto tokenizer = Tokenizer::Load(absl::StrCat("model/testdata/tokenizers/", GetParam()));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    vectors_ = Vectors(GetParam());
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  json vectors_;
};

TEST_P(TokenizerVectorsTest, EncodesAsTheOracle) {
  ASSERT_GE(vectors_["encodings"].size(), 50u);
  for (const json& vector : vectors_["encodings"]) {
    const auto ids = tokenizer_->Encode(vector["text"].get<std::string>());
    ASSERT_TRUE(ids.ok()) << ids.status() << vector["text"];
    EXPECT_EQ(*ids, vector["ids"].get<std::vector<int32_t>>()) << vector["text"];
  }
}

TEST_P(TokenizerVectorsTest, DecodesAsTheOracle) {
  for (const json& vector : vectors_["encodings"]) {
    const auto ids = vector["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer_->Decode(ids).value(), vector["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer_->Decode(ids, /*keep_special=*/true).value(),
              vector["decoded_with_special"].get<std::string>());
  }
  for (const json& vector : vectors_["decodings"]) {
    const auto ids = vector["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer_->Decode(ids).value(), vector["decoded"].get<std::string>()) << vector["ids"];
  }
}

TEST_P(TokenizerVectorsTest, CountsIds) { EXPECT_EQ(tokenizer_->VocabSize(), vectors_["vocab_size"].get<int64_t>()); }

INSTANTIATE_TEST_SUITE_P(Styles, TokenizerVectorsTest, testing::Values("characters", "gpt2_style", "qwen_style"));

TEST(TokenizerTest, MergesInStringFormGiveTheSameIds) {
  json description = Description("gpt2_style");
  for (json& merge : description["model"]["merges"]) {
    merge = absl::StrCat(merge[0].get<std::string>(), " ", merge[1].get<std::string>());
  }
  const auto tokenizer = LoadJson(description);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const json vectors = Vectors("gpt2_style");
  for (const json& vector : vectors["encodings"]) {
    EXPECT_EQ((*tokenizer)->Encode(vector["text"].get<std::string>()).value(),
              vector["ids"].get<std::vector<int32_t>>());
  }
}

TEST(TokenizerTest, LongRunWithoutSpacesComesBack) {
  const auto tokenizer = Tokenizer::Load("model/testdata/tokenizers/gpt2_style").value();
  const std::string text(1'000'000, 'a');
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text).value()).value(), text);
}

TEST(TokenizerTest, ByteOutsideTheVocabularyIsNamed) {
  const auto tokenizer = Tokenizer::Load("model/testdata/tokenizers/characters").value();
  const absl::Status status = tokenizer->Encode("1 + #").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("0x23 '#'"), absl::string_view::npos) << status;
}

TEST(TokenizerTest, TextThatIsNotUtf8IsRefusedWithItsOffset) {
  const auto tokenizer = Tokenizer::Load("model/testdata/tokenizers/gpt2_style").value();
  for (const char* text : {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\xaf", "ab\xf5\x80\x80\x80"}) {
    const absl::Status status = tokenizer->Encode(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("byte 2"), absl::string_view::npos) << status;
  }
}

TEST(TokenizerTest, IdWithoutATokenDecodesToTheReplacementCharacter) {
  const auto tokenizer = Tokenizer::Load("model/testdata/tokenizers/characters").value();
  const std::string known = tokenizer->Decode({2}).value();
  EXPECT_EQ(tokenizer->Decode({2, 100'000, 2}).value(), known + "\xEF\xBF\xBD" + known);
  EXPECT_EQ(tokenizer->Decode({2, INT32_MAX}).value(), known + "\xEF\xBF\xBD");
}

TEST(TokenizerTest, NegativeIdIsNamed) {
  const auto tokenizer = Tokenizer::Load("model/testdata/tokenizers/characters").value();
  const absl::Status status = tokenizer->Decode({2, -1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("(-1)"), absl::string_view::npos) << status;
}

TEST(TokenizerTest, SplitPatternThatBacktracksWithoutEndIsResourceExhausted) {
  json description = Description("qwen_style");
  json& pattern = description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  const std::string text = std::string(40, 'a') + "!";
  for (const char* hostile : {"(a+)+$", "(?:a|aa)+$", "(a?){40}a{40}[bc]"}) {
    pattern = hostile;
    const auto tokenizer = LoadJson(description);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    EXPECT_EQ((*tokenizer)->Encode(text).status().code(), absl::StatusCode::kResourceExhausted) << hostile;
  }
}

TEST(TokenizerTest, SplitPatternThatCutsCharactersOrIsHugeIsRefused) {
  json description = Description("qwen_style");
  json& pattern = description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  for (const std::string& hostile : {std::string("\\C"), std::string(1'000'000, 'a'), std::string(10'000, '(')}) {
    pattern = hostile;
    const absl::Status status = LoadJson(description).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_NE(status.message().find("split pattern"), absl::string_view::npos) << status;
    EXPECT_LT(status.message().size(), 1000u);
  }
}

TEST(TokenizerTest, SplitPatternThatMatchesNothingEndsAndKeepsTheText) {
  json description = Description("qwen_style");
  description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "x*|(?=\\p{L})|\\bq\\K";
  const auto tokenizer = LoadJson(description);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const std::string text = "q \xC3\xA9\xF0\x9F\x98\x80 q";
  EXPECT_EQ((*tokenizer)->Decode((*tokenizer)->Encode(text).value()).value(), text);
}

struct Refusal {
  const char* what;
  const char* patch;  // JSON merge patch of the GPT-2 style file
  absl::StatusCode code;
  const char* named;
};

class TokenizerRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(TokenizerRefusalTest, NamesWhatIsWrong) {
  json description = Description("gpt2_style");
  description.merge_patch(json::parse(GetParam().patch));
  const absl::Status status = LoadJson(description).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_NE(status.message().find("tokenizer.json"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find(GetParam().named), absl::string_view::npos) << status;
}

constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
INSTANTIATE_TEST_SUITE_P(
    Parts, TokenizerRefusalTest,
    testing::Values(
        Refusal{"Normalizer", R"({"normalizer":{"type":"NFC"}})", kUnsupported,
                "normalizer: component is not supported (NFC)"},
        Refusal{"Template", R"({"post_processor":{"type":"TemplateProcessing"}})", kUnsupported, "TemplateProcessing"},
        Refusal{"Decoder", R"({"decoder":{"type":"Metaspace"}})", kUnsupported, "Metaspace"},
        Refusal{"NoDecoder", R"({"decoder":null})", kUnsupported, "decoder"},
        Refusal{"PreTokenizer", R"({"pre_tokenizer":{"type":"Whitespace"}})", kUnsupported, "Whitespace"},
        Refusal{"PrefixSpace", R"({"pre_tokenizer":{"add_prefix_space":true}})", kUnsupported, "add_prefix_space"},
        Refusal{"Model", R"({"model":{"type":"Unigram"}})", kUnsupported, "Unigram"},
        Refusal{"Dropout", R"({"model":{"dropout":0.1}})", kUnsupported, "dropout"},
        Refusal{"Padding", R"({"padding":{"strategy":"BatchLongest"}})", kUnsupported, "padding"},
        Refusal{"Strip", R"({"added_tokens":[{"id":0,"content":"<|end|>","special":true,"lstrip":true}]})",
                kUnsupported, "lstrip"},
        Refusal{"ByteFallback", R"({"model":{"byte_fallback":true}})", kUnsupported, "byte_fallback"},
        Refusal{"SameTextTwice", R"({"added_tokens":[{"id":5000,"content":"<x>"},{"id":5001,"content":"<x>"}]})",
                kInvalid, "given twice"},
        Refusal{"NumberAsMerge", R"({"model":{"merges":[[1,2]]}})", kInvalid, "entry 0"},
        Refusal{"MergeTwice", R"({"model":{"merges":[["e","n"],["e","n"]]}})", kInvalid, "entry 1 is given twice"},
        Refusal{"EmptyVocab", R"({"model":{"vocab":null}})", kInvalid, "model.vocab"},
        Refusal{"UnknownMerge", R"({"model":{"merges":[["a","\u00e9\u00e9"]]}})", kInvalid, "entry 0"},
        Refusal{"BadMerge", R"({"model":{"merges":["ab"]}})", kInvalid, "entry 0"},
        Refusal{"NegativeId", R"({"model":{"vocab":{"a":-3}}})", kInvalid, "-3"},
        Refusal{"SharedId", R"({"model":{"vocab":{"zz":5}}})", kInvalid, "(5)"},
        Refusal{"HugeId", R"({"model":{"vocab":{"zz":99999999}}})", kInvalid, "99999999"},
        Refusal{"AddedIdTaken", R"({"added_tokens":[{"id":7,"content":"<x>"}]})", kInvalid, "(7)"}),
    [](const testing::TestParamInfo<Refusal>& refusal) { return refusal.param.what; });

TEST(TokenizerTest, DeeplyNestedFileIsRefused) {
  for (const char* key : {"model", "added_tokens", "pre_tokenizer", "surplus"}) {
    const absl::Status status =
        LoadText(absl::StrCat("{\"", key, "\":", std::string(1'000'000, '['), std::string(1'000'000, ']'), "}"))
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("nested deeper"), absl::string_view::npos) << status;
  }
}

TEST(TokenizerTest, MalformedJsonIsRefused) {
  for (const char* text : {"", "[]", "{", "{\"model\":", "{\"a\":1,\"a\":2}"}) {
    EXPECT_EQ(LoadText(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(TokenizerTest, SplitPatternThatDoesNotCompileIsNamed) {
  json description = Description("qwen_style");
  description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(unclosed";
  const absl::Status status = LoadJson(description).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("(unclosed"), absl::string_view::npos) << status;
}

TEST(TokenizerTest, MissingFolderIsNotFound) {
  EXPECT_EQ(Tokenizer::Load("/nonexistent").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cohort::model
