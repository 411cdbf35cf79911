// SPDX-License-Identifier: Apache-2.0
#include "coordinator/preflight.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/job_validation.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"
#include "model/weights/model_folder.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PreflightTest : public ::testing::Test {
 protected:
  void SetUp() override {
    zygote_ = *reward::Zygote::Start();
    ASSERT_OK(model::WriteRandomModel("examples/arithmetic/model", folder_.Join("model"), /*seed=*/1));
    WriteProblems("{\"question\": \"1+2=\", \"answer\": \"3\"}\n{\"question\": \"2+2=\", \"answer\": \"4\"}\n");
  }
  void WriteProblems(const std::string& rows) {
    ASSERT_OK(common::WriteFileAtomically(folder_.Join("problems.jsonl"), rows));
  }
  absl::StatusOr<cohort::v1::JobSpec> Check(const cohort::v1::JobSpec& spec, int64_t rank_memory_bytes = 0) {
    const auto resolved = ResolveJobSpec(spec);
    EXPECT_OK(resolved);
    return CheckAgainstFiles(
        *resolved, folder_.Join("model"),
        {.roots = {.data_root = folder_.path()}, .zygote = zygote_.get(), .rank_memory_bytes = rank_memory_bytes});
  }

  std::unique_ptr<reward::Zygote> zygote_;
  common::TempDir folder_;
};

TEST_F(PreflightTest, GoodJobPassesAndTakesItsContextFromTheModel) {
  ASSERT_OK_AND_ASSIGN(const auto job, Check(SmallRlvrSpec()));
  EXPECT_EQ(job.training().max_sequence_tokens(), 64);
  EXPECT_EQ(job.model().vocab_size(), 16);
  EXPECT_OK(Check(SmallSftSpec()));
}

TEST_F(PreflightTest, ContextAboveTheModelsIsRefused) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_training()->set_max_sequence_tokens(65);
  EXPECT_THAT(Check(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(StartsWith("training.max_sequence_tokens: "), HasSubstr("64 (65)"))));
}

TEST_F(PreflightTest, VocabularyOfAnotherSizeThanTheModelsIsRefused) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_model()->set_vocab_size(17);
  EXPECT_THAT(Check(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(StartsWith("model.vocab_size: "), HasSubstr("16 (17)"))));
}

TEST_F(PreflightTest, BadModelFolderIsNamed) {
  std::filesystem::resize_file(folder_.Join("model/model.safetensors"), 1000);
  EXPECT_THAT(Check(SmallRlvrSpec()), StatusIs(absl::StatusCode::kInvalidArgument,
                                               AllOf(StartsWith("model.path: "), HasSubstr("model.safetensors"))));
  std::filesystem::remove(folder_.Join("model/config.json"));
  EXPECT_THAT(Check(SmallRlvrSpec()), StatusIs(absl::StatusCode::kInvalidArgument,
                                               AllOf(StartsWith("model.path: "), HasSubstr("config.json"))));
}

TEST_F(PreflightTest, PromptLongerThanTheContextNamesTheRow) {
  const std::string prompt(64, '1');
  WriteProblems("{\"question\": \"1+2=\", \"answer\": \"3\"}\n{\"question\": \"" + prompt + "\", \"answer\": \"4\"}\n");
  EXPECT_THAT(Check(SmallRlvrSpec()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("rlvr.data: "), HasSubstr("problems.jsonl row 1 (line 2): the prompt is longer "
                                                                  "than the context (64 tokens"))));
}

TEST_F(PreflightTest, DemonstrationLongerThanTheContextNamesTheRow) {
  WriteProblems("{\"question\": \"1+2=\", \"answer\": \"" + std::string(60, '3') + "\"}\n");
  EXPECT_THAT(Check(SmallSftSpec()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("sft.data: "), HasSubstr("row 0 (line 1): the demonstration is longer"))));
}

// Four groups of two, with prompts of at most 4 tokens and completions of at most 8; demonstrations of at most 6.
TEST_F(PreflightTest, JobWhoseRankCannotFitIsRefusedByTheTokensThatItsRowsCanGive) {
  EXPECT_OK(Check(SmallRlvrSpec(), int64_t{1} << 30));
  EXPECT_THAT(Check(SmallRlvrSpec(), /*rank_memory_bytes=*/1000),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("training: a learner rank needs "), HasSubstr("activations of 96 tokens "))));
  EXPECT_THAT(Check(SmallSftSpec(), /*rank_memory_bytes=*/1000),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("activations of 24 tokens ")));
}

TEST_F(PreflightTest, EvalJobNeedsNoMemoryOfARank) {
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"), R"({"question": "1+1=", "answer": "2"})"));
  EXPECT_OK(Check(SmallEvalSpec(4), /*rank_memory_bytes=*/1));
}

TEST_F(PreflightTest, TextThatTheVocabularyCannotExpressNamesTheRow) {
  WriteProblems("{\"question\": \"1+2=\", \"answer\": \"3\"}\n{\"question\": \"one\", \"answer\": \"4\"}\n");
  EXPECT_THAT(Check(SmallRlvrSpec()), StatusIs(absl::StatusCode::kInvalidArgument,
                                               AllOf(StartsWith("rlvr.data: "), HasSubstr("row 1 (line 2)"))));
}

TEST_F(PreflightTest, GroundTruthThatTheVerifierRejectsNamesRowAndValue) {
  WriteProblems("{\"question\": \"1+2=\", \"answer\": \"3\"}\n{\"question\": \"2+2=\", \"answer\": \"four\"}\n");
  EXPECT_THAT(Check(SmallRlvrSpec()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("rlvr.data: "), HasSubstr("row 1 (line 2)"), HasSubstr("four"))));
}

TEST_F(PreflightTest, ConversationsNeedATemplateThatRendersEveryRow) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_data()->mutable_fields()->clear_prompt();
  spec.mutable_rlvr()->mutable_data()->mutable_fields()->set_messages("chat");
  WriteProblems(
      "{\"chat\": [{\"role\": \"user\", \"content\": \"1+2=\"}], \"answer\": \"3\"}\n"
      "{\"chat\": [{\"role\": \"user\", \"content\": 4}], \"answer\": \"3\"}\n");
  EXPECT_THAT(Check(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(StartsWith("model.path: "), HasSubstr("no chat template"))));
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("model/chat_template.jinja"),
                                        "{% for m in messages %}{{ m.content }}={% endfor %}"));
  EXPECT_OK(Check(spec));
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("model/chat_template.jinja"),
                                        "{% for m in messages %}\n{{ '' + m.content }}{% endfor %}"));
  EXPECT_THAT(Check(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(StartsWith("rlvr.data: "), HasSubstr("problems.jsonl row 1 (line 2): "),
                                          HasSubstr("chat_template.jinja:2:"))));
}

TEST_F(PreflightTest, EvaluationDataIsCheckedToo) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  AddEvaluation("greedy", 1, 0, &spec);
  ASSERT_OK(
      common::WriteFileAtomically(folder_.Join("held_out.jsonl"), "{\"question\": \"1+1=\", \"answer\": \"x\"}\n"));
  EXPECT_THAT(Check(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(StartsWith("evaluation.data: "), HasSubstr("held_out.jsonl row 0"))));
}

TEST_F(PreflightTest, EvalJobTakesItsContextFromTheModelAndItsRowsAreChecked) {
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"), R"({"question": "1+1=", "answer": "2"})"));
  ASSERT_OK_AND_ASSIGN(const auto job, Check(SmallEvalSpec(4)));
  EXPECT_EQ(job.training().max_sequence_tokens(), 64);
  EXPECT_EQ(job.model().vocab_size(), 16);
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"), R"({"question": "1+1=", "answer": "x"})"));
  EXPECT_THAT(Check(SmallEvalSpec(4)), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("evaluation.data: ")));
}

TEST_F(PreflightTest, RescoreJobNeedsNoModelAndItsRubricMustAcceptEveryRow) {
  const auto resolved = ResolveJobSpec(SmallRescoreSpec("source"));
  ASSERT_OK(resolved);
  cohort::v1::JobSpec problems = *resolved;
  *problems.mutable_evaluation()->mutable_data() = SmallRlvrSpec().rlvr().data();
  const auto check = [&] {
    return CheckAgainstFiles(problems, folder_.Join("nowhere"),
                             {.roots = {.data_root = folder_.path()}, .zygote = zygote_.get()});
  };
  EXPECT_OK(check());
  WriteProblems("{\"question\": \"1+2=\", \"answer\": \"3\"}\n{\"question\": \"2+2=\", \"answer\": \"four\"}\n");
  EXPECT_THAT(check(), StatusIs(absl::StatusCode::kInvalidArgument,
                                AllOf(StartsWith("rescore.job: "), HasSubstr("row 1 (line 2)"), HasSubstr("four"))));
}

}  // namespace
}  // namespace cohort::coordinator
