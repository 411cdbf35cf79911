// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/sequence_builder.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "learner/testing/letter_tokenizer.h"

namespace cohort::learner {
namespace {

constexpr TokenLimits kLimits = {.vocab_size = 30, .max_sequence_tokens = 8};
constexpr int32_t kEos = 1;
const objective::GroupCredit kCredit = {{.advantage = 1}, {.advantage = -1}};
const RolloutReading kReading = {.limits = kLimits};

struct Group {
  cohort::v1::PlannedGroup planned;
  cohort::v1::RolloutGroup group;
};

// Two siblings of two and one tokens after the prompt {7, 8}.
Group MakeGroup() {
  Group made;
  made.planned.set_group_id(12);
  made.planned.set_prompt_tokens(2);
  made.group.set_group_id(12);
  made.group.add_prompt_token_ids(7);
  made.group.add_prompt_token_ids(8);
  for (const std::vector<int32_t>& tokens : {std::vector<int32_t>{9, kEos}, std::vector<int32_t>{kEos}}) {
    cohort::v1::Rollout* rollout = made.group.add_rollouts();
    for (int32_t token : tokens) {
      rollout->add_token_ids(token);
      rollout->add_behavior_logprobs(-0.5f);
    }
    made.planned.add_completion_tokens(static_cast<int32_t>(tokens.size()));
  }
  return made;
}

std::string ErrorOf(const Group& made) {
  std::vector<TrainSequence> sequences;
  return std::string(AppendRollouts(made.planned, made.group, /*group=*/4, kCredit, kReading, &sequences).message());
}

TEST(SequenceBuilderTest, SiblingsShareThePromptAndKeepTheirOwnCredit) {
  const Group made = MakeGroup();
  std::vector<TrainSequence> sequences;
  ASSERT_TRUE(AppendRollouts(made.planned, made.group, /*group=*/4, kCredit, kReading, &sequences).ok());
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_EQ(sequences[0].token_ids, (std::vector<int32_t>{7, 8, 9, kEos}));
  EXPECT_EQ(sequences[0].num_prompt_tokens, 2);
  EXPECT_EQ(sequences[0].num_completion_tokens(), 2);
  EXPECT_EQ(sequences[1].token_ids, (std::vector<int32_t>{7, 8, kEos}));
  EXPECT_EQ(sequences[1].advantage, -1);
  EXPECT_EQ(sequences[1].group, 4);
  EXPECT_EQ(sequences[1].behavior_logprobs, std::vector<float>{-0.5f});
}

TEST(SequenceBuilderTest, CompletionWithoutTokensIsNamed) {
  Group made = MakeGroup();
  made.group.mutable_rollouts(1)->Clear();
  made.planned.set_completion_tokens(1, 0);
  EXPECT_EQ(ErrorOf(made), "group 12 sibling 1: the completion has no token");
}

TEST(SequenceBuilderTest, SegmentsFollowTheTextOfTokens) {
  cohort::v1::ObjectiveSpec objective;
  objective.add_branches()->set_level(cohort::v1::SEGMENT_LEVEL_SUBSENTENCE);
  objective.mutable_segmenter()->set_delimiters(cohort::v1::SegmenterSpec::DELIMITERS_SUBSENTENCE);
  objective.mutable_segmenter()->set_min_tokens(1);
  objective.mutable_segmenter()->set_attach_eos(false);
  const LetterTokenizer tokenizer;
  Group made = MakeGroup();
  made.group.mutable_rollouts(0)->set_finish_reason(cohort::v1::FINISH_REASON_EOS);
  made.group.mutable_rollouts(1)->set_finish_reason(cohort::v1::FINISH_REASON_LENGTH);
  std::vector<TrainSequence> sequences;
  const RolloutReading reading = {.objective = &objective, .tokenizer = &tokenizer, .limits = kLimits};
  ASSERT_TRUE(AppendRollouts(made.planned, made.group, /*group=*/0, kCredit, reading, &sequences).ok());
  EXPECT_EQ(sequences[0].layout.subsentence_ends, (std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(sequences[0].is_truncated);
  EXPECT_TRUE(sequences[1].is_truncated);
}

TEST(SequenceBuilderTest, PayloadThatContradictsThePlanIsNamed) {
  Group made = MakeGroup();
  made.group.set_group_id(13);
  EXPECT_NE(ErrorOf(made).find("group 12"), std::string::npos) << ErrorOf(made);
  made = MakeGroup();
  made.planned.set_completion_tokens(0, 3);
  EXPECT_NE(ErrorOf(made).find("group 12 sibling 0: 3 tokens were planned"), std::string::npos) << ErrorOf(made);
  made = MakeGroup();
  made.group.mutable_rollouts(1)->clear_behavior_logprobs();
  EXPECT_NE(ErrorOf(made).find("group 12 sibling 1"), std::string::npos) << ErrorOf(made);
  made = MakeGroup();
  made.group.mutable_rollouts()->RemoveLast();
  EXPECT_NE(ErrorOf(made).find("number of rollouts"), std::string::npos) << ErrorOf(made);
  made = MakeGroup();
  made.group.add_prompt_token_ids(7);
  EXPECT_NE(ErrorOf(made).find("another prompt than planned (3 tokens for 2), group 12"), std::string::npos)
      << ErrorOf(made);
  made = MakeGroup();
  made.group.set_purpose(cohort::v1::GROUP_PURPOSE_EVALUATE);
  EXPECT_NE(ErrorOf(made).find("sampled for an evaluation"), std::string::npos) << ErrorOf(made);
}

TEST(SequenceBuilderTest, LogprobThatIsNotFiniteIsNamed) {
  Group made = MakeGroup();
  made.group.mutable_rollouts(0)->set_behavior_logprobs(1, std::numeric_limits<float>::quiet_NaN());
  EXPECT_NE(ErrorOf(made).find("group 12 sibling 0: log-prob is not finite (nan), token 1"), std::string::npos)
      << ErrorOf(made);
}

TEST(SequenceBuilderTest, TokenOutsideTheVocabularyIsNamed) {
  Group made = MakeGroup();
  made.group.mutable_rollouts(0)->set_token_ids(0, 30);
  EXPECT_NE(ErrorOf(made).find("group 12 sibling 0: token id outside the vocabulary (30 of 30)"), std::string::npos)
      << ErrorOf(made);
}

cohort::v1::Demonstration MakeDemonstration(const std::string& prompt, const std::string& completion) {
  cohort::v1::Demonstration demonstration;
  demonstration.set_problem_id(3);
  demonstration.set_prompt(prompt);
  demonstration.set_completion(completion);
  return demonstration;
}

TEST(SequenceBuilderTest, DemonstrationEndsWithEosAndTrainsCompletionAndEos) {
  const LetterTokenizer tokenizer;
  const auto sequence = EncodeDemonstration(MakeDemonstration("ab", "cd"), tokenizer, kEos, kLimits);
  ASSERT_TRUE(sequence.ok()) << sequence.status();
  EXPECT_EQ(sequence->token_ids, (std::vector<int32_t>{2, 3, 4, 5, kEos}));
  EXPECT_EQ(sequence->num_completion_tokens(), 3);
}

// Puts token 0 before a text, as a post-processor with a BOS does.
class BosTokenizer final : public LetterTokenizer {
 public:
  absl::StatusOr<std::vector<int32_t>> EncodeWithSpecialTokens(std::string_view text) const override {
    absl::StatusOr<std::vector<int32_t>> ids = Encode(text);
    if (ids.ok()) ids->insert(ids->begin(), 0);
    return ids;
  }
};

TEST(SequenceBuilderTest, PlainPromptGetsSpecialTokensRenderedPromptAndCompletionDoNot) {
  const BosTokenizer tokenizer;
  cohort::v1::Demonstration demonstration = MakeDemonstration("ab", "cd");
  auto sequence = EncodeDemonstration(demonstration, tokenizer, kEos, kLimits);
  ASSERT_TRUE(sequence.ok()) << sequence.status();
  EXPECT_EQ(sequence->token_ids, (std::vector<int32_t>{0, 2, 3, 4, 5, kEos}));
  EXPECT_EQ(sequence->num_prompt_tokens, 3);
  demonstration.set_prompt_is_rendered(true);
  sequence = EncodeDemonstration(demonstration, tokenizer, kEos, kLimits);
  ASSERT_TRUE(sequence.ok()) << sequence.status();
  EXPECT_EQ(sequence->token_ids, (std::vector<int32_t>{2, 3, 4, 5, kEos}));
}

TEST(SequenceBuilderTest, DemonstrationThatCannotBeTrainedIsNamed) {
  const LetterTokenizer tokenizer;
  const auto error = [&tokenizer](const std::string& prompt, const std::string& completion) {
    return EncodeDemonstration(MakeDemonstration(prompt, completion), tokenizer, kEos, kLimits).status().ToString();
  };
  EXPECT_EQ(error("", "cd"), "INVALID_ARGUMENT: problem 3: the prompt has no token");
  EXPECT_EQ(error("abcd", "efgh"), "INVALID_ARGUMENT: problem 3: longer than max_sequence_tokens (9 > 8)");
  EXPECT_EQ(error("a?", "b"), "INVALID_ARGUMENT: problem 3: not a letter (?)");
}

}  // namespace
}  // namespace cohort::learner
