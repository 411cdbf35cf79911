// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/completion_text.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

class CompletionTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteTinyModel(dir_.Join("model"), /*seed=*/5));
    ASSERT_OK_AND_ASSIGN(tokenizer_, model::Tokenizer::Load(dir_.Join("model")));
  }
  common::TempDir dir_;
  std::unique_ptr<model::Tokenizer> tokenizer_;
};

TEST_F(CompletionTextTest, EosThatEndedItIsLeftOut) {
  EXPECT_EQ(
      CompletionText({.token_ids = {2, 3, kTinyEos}, .finish_reason = cohort::v1::FINISH_REASON_EOS}, *tokenizer_),
      "12");
  EXPECT_EQ(CompletionText({.token_ids = {2, 3}, .finish_reason = cohort::v1::FINISH_REASON_LENGTH}, *tokenizer_),
            "12");
}

TEST_F(CompletionTextTest, IdBeyondTheTokenizerIsAReplacementCharacter) {
  EXPECT_EQ(
      CompletionText({.token_ids = {2, 500, 3, 501}, .finish_reason = cohort::v1::FINISH_REASON_LENGTH}, *tokenizer_),
      "1\xEF\xBF\xBD"
      "2\xEF\xBF\xBD");
}

}  // namespace
}  // namespace cohort::rollout_worker
