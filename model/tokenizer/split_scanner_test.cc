// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/split_scanner.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/tokenizer/regex_splitter.h"
#include "model/tokenizer/testing/random_texts.h"

namespace cohort::model {
namespace {

constexpr const char* kPatterns[] = {kGpt2SplitPattern, kQwen2SplitPattern, kLlama3SplitPattern};

std::vector<std::string_view> Scan(const SplitScanner& scanner, std::string_view text) {
  std::vector<std::string_view> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t end = scanner.PieceEnd(text, at);
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
  return pieces;
}

std::vector<std::string_view> Match(const RegexSplitter& regex, std::string_view text) {
  std::vector<std::string_view> pieces;
  EXPECT_TRUE(regex.Split(text, &pieces).ok());
  return pieces;
}

// Texts with characters that PCRE2 does not know yet may be split otherwise by it.
bool HasUnknownCharacter(const RegexSplitter& unassigned, const std::string& text) {
  return Match(unassigned, "a" + text).size() > 1;
}

void ExpectPiecesOfThePatterns(const std::vector<std::string>& texts) {
  const auto unassigned = RegexSplitter::Create("\\p{Cn}").value();
  for (const char* pattern : kPatterns) {
    const SplitScanner scanner = SplitScanner::ForPattern(pattern).value();
    const auto regex = RegexSplitter::Create(pattern).value();
    size_t num_compared = 0;
    for (const std::string& text : texts) {
      if (HasUnknownCharacter(*unassigned, text)) continue;
      ++num_compared;
      ASSERT_EQ(Scan(scanner, text), Match(*regex, text)) << nlohmann::json(text) << pattern;
    }
    EXPECT_GT(num_compared, texts.size() * 3 / 5);
  }
}

TEST(SplitScannerTest, GivesThePiecesOfThePatternsOnHardTexts) {
  ExpectPiecesOfThePatterns(nlohmann::json::parse(std::ifstream("model/testdata/tokenizers/hard_texts.json"))
                                .get<std::vector<std::string>>());
}

TEST(SplitScannerTest, GivesThePiecesOfThePatternsOnRandomTexts) {
  RandomTexts random(31);
  std::vector<std::string> texts(20'000);
  for (std::string& text : texts) text = random.NextText();
  ExpectPiecesOfThePatterns(texts);
}

TEST(SplitScannerTest, KnowsNoOtherPattern) {
  EXPECT_FALSE(SplitScanner::ForPattern("").has_value());
  EXPECT_FALSE(SplitScanner::ForPattern(std::string(kQwen2SplitPattern) + "|x").has_value());
}

}  // namespace
}  // namespace cohort::model
