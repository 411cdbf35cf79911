// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace cohort::model {
namespace {

using nlohmann::json;

json ReadJson(const std::string& file) {
  return json::parse(std::ifstream(absl::StrCat("model/testdata/tokenizers/", file)));
}
json Description(const std::string& name) { return ReadJson(absl::StrCat(name, "/tokenizer.json")); }

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadText(const std::string& text) {
  const std::string folder = testing::TempDir();
  EXPECT_TRUE(common::WriteFileAtomically(absl::StrCat(folder, "/tokenizer.json"), text).ok());
  return Tokenizer::Load(folder);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadJson(const json& description) { return LoadText(description.dump()); }

TEST(TokenizerTest, MergesInStringFormGiveTheSameIds) {
  json description = Description("gpt2_style");
  for (json& merge : description["model"]["merges"]) {
    merge = absl::StrCat(merge[0].get<std::string>(), " ", merge[1].get<std::string>());
  }
  const auto tokenizer = LoadJson(description);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const json texts = ReadJson("hard_texts.json");
  const json ids = ReadJson("gpt2_style/vectors.json")["ids"];
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ((*tokenizer)->Encode(texts[i].get<std::string>()).value(), ids[i]) << texts[i];
  }
}

TEST(TokenizerTest, LongRunWithoutSpacesComesBack) {
  const auto tokenizer = Tokenizer::Load("model/testdata/tokenizers/gpt2_style").value();
  const std::string text(1'000'000, 'a');
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text).value()).value(), text);
}

// Patterns that PCRE2 matches run on a stack per thread.
TEST(TokenizerTest, ThreadsShareATokenizer) {
  json description = Description("qwen_style");
  json& pattern = description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  pattern = absl::StrCat("(?:", pattern.get<std::string>(), ")");
  const auto tokenizer = LoadJson(description).value();
  const auto texts = ReadJson("hard_texts.json").get<std::vector<std::string>>();
  const auto expected = ReadJson("qwen_style/vectors.json")["ids"].get<std::vector<std::vector<int32_t>>>();
  std::vector<int> num_equal(4);
  std::vector<std::thread> threads;
  for (int& count : num_equal) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < texts.size(); ++i) count += tokenizer->Encode(texts[i]).value() == expected[i] ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  // A few texts have characters that PCRE2 does not know yet.
  EXPECT_GE(num_equal[0], static_cast<int>(texts.size()) - 20);
  EXPECT_EQ(num_equal, std::vector<int>(4, num_equal[0]));
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

TEST(TokenizerTest, SplitPatternThatIsHugeIsRefused) {
  json description = Description("qwen_style");
  json& pattern = description["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  for (const std::string& hostile : {std::string(1'000'000, 'a'), std::string(10'000, '(')}) {
    pattern = hostile;
    const absl::Status status = LoadJson(description).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_NE(status.message().find("split pattern"), absl::string_view::npos) << status;
    EXPECT_LT(status.message().size(), 1000u);
  }
}

}  // namespace
}  // namespace cohort::model
