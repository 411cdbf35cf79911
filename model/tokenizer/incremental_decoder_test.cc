// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/incremental_decoder.h"

#include <gtest/gtest.h>

#include <vector>

namespace cohort::model {
namespace {

std::unique_ptr<Tokenizer> Qwen() { return Tokenizer::Load("model/testdata/tokenizers/qwen_style").value(); }

// The bytes of a character that the vocabulary has no token for come as one id each.
TEST(IncrementalDecoderTest, CharacterComesWithItsLastByte) {
  const auto tokenizer = Qwen();
  const std::vector<int32_t> ids = tokenizer->Encode("\U00010348").value();
  ASSERT_EQ(ids.size(), 4u);
  IncrementalDecoder decoder(*tokenizer);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(decoder.Push(ids[i]).value(), "");
  EXPECT_EQ(decoder.Push(ids[3]).value(), "\U00010348");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(IncrementalDecoderTest, BrokenCharacterIsReplacedOnceItIsCertain) {
  const auto tokenizer = Qwen();
  const std::vector<int32_t> ids = tokenizer->Encode("\U00010348").value();
  const int32_t letter = tokenizer->Encode("x").value()[0];
  IncrementalDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.Push(ids[0]).value(), "");
  EXPECT_EQ(decoder.Push(letter).value(), "\uFFFDx");
  EXPECT_EQ(decoder.Push(ids[0]).value(), "");
  EXPECT_EQ(decoder.Finish(), "\uFFFD");
  EXPECT_EQ(decoder.Push(letter).value(), "x");  // another text
}

TEST(IncrementalDecoderTest, SpecialTokensAreLeftOutUnlessAskedFor) {
  const auto tokenizer = Qwen();
  const int32_t end = tokenizer->Encode("<|im_end|>").value()[0];
  EXPECT_TRUE(tokenizer->IsSpecial(end));
  EXPECT_EQ(IncrementalDecoder(*tokenizer).Push(end).value(), "");
  EXPECT_EQ(IncrementalDecoder(*tokenizer, /*keep_special=*/true).Push(end).value(), "<|im_end|>");
}

TEST(IncrementalDecoderTest, NegativeIdChangesNothing) {
  const auto tokenizer = Qwen();
  const std::vector<int32_t> ids = tokenizer->Encode("\u00e9\u0107").value();
  IncrementalDecoder decoder(*tokenizer);
  std::string text;
  for (const int32_t id : ids) {
    text += decoder.Push(id).value();
    EXPECT_EQ(decoder.Push(-1).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(text + decoder.Finish(), "\u00e9\u0107");
}

}  // namespace
}  // namespace cohort::model
