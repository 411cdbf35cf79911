// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/dataset/dataset.h"
#include "gtest/gtest.h"
#include "model/chat_template/chat_template.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kTemplate[] =
    "{%- if tools %}[tools {{ tools|tojson }}]{% endif -%}\n"
    "{%- for message in messages -%}\n"
    "  {%- if message.role == 'critic' %}{{ raise_exception('no critics') }}{% endif -%}\n"
    "  <{{ message.role }}>{{ message.content }}</s>{{ '\\n' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}<assistant>{% endif %}{% if note %}{{ note }}{% endif %}";

class ChatDatasetTest : public ::testing::Test {
 protected:
  ChatDatasetTest() {
    spec_.mutable_jsonl()->set_path("rows.jsonl");
    spec_.mutable_fields()->set_messages("chat");
    WriteTemplate(kTemplate);
  }
  void WriteTemplate(const std::string& text) {
    EXPECT_OK(common::WriteFileAtomically(folder_.Join("chat_template.jinja"), text));
    EXPECT_OK(common::WriteFileAtomically(folder_.Join("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}"));
  }
  absl::StatusOr<std::unique_ptr<Dataset>> Open(const std::string& rows) {
    EXPECT_OK(common::WriteFileAtomically(folder_.Join("rows.jsonl"), rows));
    auto chat_template = model::ChatTemplate::Load(folder_.path());
    EXPECT_OK(chat_template);
    return Dataset::Open(spec_, {.data_root = folder_.path()}, *std::move(chat_template));
  }

  common::TempDir folder_;
  cohort::v1::DatasetSpec spec_;
};

TEST_F(ChatDatasetTest, MessagesAreRenderedUpToTheAnswer) {
  spec_.mutable_fields()->set_answer("answer");
  ASSERT_OK_AND_ASSIGN(const auto dataset,
                       Open("{\"chat\": [{\"role\": \"user\", \"content\": \"1+1\"}], \"answer\": 2}\n"));
  ASSERT_OK_AND_ASSIGN(const auto problem, dataset->ReadProblem(0));
  EXPECT_EQ(problem.prompt(), "<user>1+1</s>\n<assistant>");
  EXPECT_EQ(problem.answer(), "2");
  EXPECT_TRUE(problem.prompt_is_rendered());
}

TEST_F(ChatDatasetTest, ToolsKeepTheOrderOfTheirKeysAndMayBeMissing) {
  spec_.mutable_fields()->set_tools("tools");
  ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      Open("{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [{\"z\": 1, \"a\": \"é\"}]}\n"
           "{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}]}\n"));
  EXPECT_EQ(dataset->ReadProblem(0)->prompt(), "[tools [{\"z\": 1, \"a\": \"é\"}]]<user>x</s>\n<assistant>");
  EXPECT_EQ(dataset->ReadProblem(1)->prompt(), "<user>x</s>\n<assistant>");
}

TEST_F(ChatDatasetTest, VariablesReachTheTemplate) {
  (*spec_.mutable_chat_template_kwargs())["note"] = "\"!\"";
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}]}\n"));
  EXPECT_EQ(dataset->ReadProblem(0)->prompt(), "<user>x</s>\n<assistant>!");
}

TEST_F(ChatDatasetTest, LastMessageIsTheDemonstrationWithoutEos) {
  ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      Open("{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\", \"content\": \"y \"}]}\n"
           "{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}]}\n"
           "{\"chat\": [{\"role\": \"assistant\", \"content\": \"x\"}]}\n"));
  ASSERT_OK_AND_ASSIGN(const auto demonstration, dataset->ReadDemonstration(0));
  EXPECT_EQ(demonstration.prompt(), "<user>x</s>\n<assistant>");
  EXPECT_EQ(demonstration.completion(), "y ");
  EXPECT_TRUE(demonstration.prompt_is_rendered());
  EXPECT_THAT(dataset->ReadDemonstration(1), StatusIs(absl::StatusCode::kInvalidArgument,
                                                      AllOf(HasSubstr("row 1 (line 2)"), HasSubstr("an assistant's"))));
  EXPECT_THAT(dataset->ReadDemonstration(2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no message comes before")));
}

TEST_F(ChatDatasetTest, CompletionMayBeAFieldOfItsOwn) {
  spec_.mutable_fields()->set_completion("solution");
  ASSERT_OK_AND_ASSIGN(const auto dataset,
                       Open("{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}], \"solution\": \"y\"}\n"));
  ASSERT_OK_AND_ASSIGN(const auto demonstration, dataset->ReadDemonstration(0));
  EXPECT_EQ(demonstration.prompt(), "<user>x</s>\n<assistant>");
  EXPECT_EQ(demonstration.completion(), "y");
}

TEST_F(ChatDatasetTest, AnswerThatDoesNotContinueThePromptIsRefused) {
  WriteTemplate("{{ messages|length }}{% for m in messages %}{{ m.content }}{% endfor %}");
  ASSERT_OK_AND_ASSIGN(
      const auto dataset,
      Open("{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\", \"content\": \"y\"}]}\n"));
  EXPECT_THAT(
      dataset->ReadDemonstration(0),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("row 0 (line 1)"), HasSubstr("as a continuation of its prompt"),
                     HasSubstr("fields.completion"), HasSubstr("the prompt goes on 1x, the conversation 2xy"))));
}

TEST_F(ChatDatasetTest, RowsThatTheTemplateRefusesAreNamedWithItsPlace) {
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"chat\": [{\"role\": \"critic\", \"content\": \"x\"}]}\n"
                                                "{\"chat\": \"hello\"}\n{\"chat\": []}\n{\"text\": 1}\n"));
  EXPECT_THAT(dataset->ReadProblem(0), StatusIs(absl::StatusCode::kInvalidArgument,
                                                AllOf(HasSubstr("rows.jsonl row 0 (line 1): "),
                                                      HasSubstr("chat_template.jinja:3:"), HasSubstr("no critics"))));
  EXPECT_THAT(dataset->ReadProblem(1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1 (line 2): chat: must be a list")));
  EXPECT_THAT(dataset->ReadProblem(2), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must not be empty")));
  EXPECT_THAT(dataset->ReadProblem(3), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("field missing (chat)")));
}

TEST_F(ChatDatasetTest, DigestCoversTheTemplate) {
  const std::string rows = "{\"chat\": [{\"role\": \"user\", \"content\": \"x\"}]}\n";
  const std::string digest = (*Open(rows))->Digest();
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_EQ((*Open(rows))->Digest(), digest);
  WriteTemplate("{{ messages[0].content }}");
  EXPECT_NE((*Open(rows))->Digest(), digest);
}

TEST_F(ChatDatasetTest, ModelWithoutATemplateIsRefusedByField) {
  EXPECT_OK(common::WriteFileAtomically(folder_.Join("rows.jsonl"), "{}\n"));
  EXPECT_THAT(Dataset::Open(spec_, {.data_root = folder_.path()}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fields.messages")));
}

}  // namespace
}  // namespace cohort::coordinator
