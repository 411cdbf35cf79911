// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset_validation.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Change = std::function<void(cohort::v1::DatasetSpec*)>;

cohort::v1::DatasetSpec PromptData(const Change& change) {
  cohort::v1::DatasetSpec data;
  data.mutable_jsonl()->set_path("rows.jsonl");
  data.mutable_fields()->set_prompt("question");
  change(&data);
  return data;
}

cohort::v1::DatasetSpec ChatData(const Change& change) {
  cohort::v1::DatasetSpec data;
  data.mutable_jsonl()->set_path("rows.jsonl");
  data.mutable_fields()->set_messages("messages");
  change(&data);
  return data;
}

cohort::v1::DatasetSpec UploadedData(const std::string& sha256) {
  return PromptData([&sha256](cohort::v1::DatasetSpec* data) { data->mutable_uploaded()->set_sha256(sha256); });
}

void ExpectRefused(const cohort::v1::DatasetSpec& data, const std::string& field, const std::string& why) {
  EXPECT_THAT(CheckData(data),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(StartsWith(field + ": "), HasSubstr(why))));
}

TEST(DatasetValidationTest, PromptsAndMessagesAreValid) {
  EXPECT_OK(CheckData(PromptData([](auto* data) { data->set_prompt_suffix("?"); })));
  EXPECT_OK(CheckData(ChatData([](auto* data) {
    data->mutable_fields()->set_tools("tools");
    data->set_chat_template_date("2024-07-26");
    (*data->mutable_chat_template_kwargs())["enable_thinking"] = "false";
    (*data->mutable_chat_template_kwargs())["effort"] = "\"high\"";
  })));
}

TEST(DatasetValidationTest, ExactlyOneOfPromptAndMessagesIsNeeded) {
  ExpectRefused(PromptData([](auto* data) { data->mutable_fields()->clear_prompt(); }), "fields.prompt", "messages");
  ExpectRefused(ChatData([](auto* data) { data->mutable_fields()->set_prompt("question"); }), "fields.messages",
                "name one");
}

TEST(DatasetValidationTest, PrefixAndSuffixAreNoPartOfAConversation) {
  ExpectRefused(ChatData([](auto* data) { data->set_prompt_prefix("Q: "); }), "prompt_prefix", "fields.prompt only");
  ExpectRefused(ChatData([](auto* data) { data->set_prompt_suffix("A:"); }), "prompt_suffix", "fields.prompt only");
}

TEST(DatasetValidationTest, SettingsOfTheTemplateNeedMessages) {
  ExpectRefused(PromptData([](auto* data) { data->mutable_fields()->set_tools("tools"); }), "fields.tools",
                "messages only");
  ExpectRefused(PromptData([](auto* data) { data->set_chat_template_date("2024-07-26"); }), "chat_template_date",
                "only");
  ExpectRefused(PromptData([](auto* data) { (*data->mutable_chat_template_kwargs())["a"] = "1"; }),
                "chat_template_kwargs", "only");
}

TEST(DatasetValidationTest, MalformedVariablesAndDatesAreNamed) {
  ExpectRefused(ChatData([](auto* data) { (*data->mutable_chat_template_kwargs())["a"] = "high"; }),
                "chat_template_kwargs[a]", "not valid JSON");
  ExpectRefused(ChatData([](auto* data) { (*data->mutable_chat_template_kwargs())["messages"] = "[]"; }),
                "chat_template_kwargs[messages]", "set by the row");
  ExpectRefused(ChatData([](auto* data) { (*data->mutable_chat_template_kwargs())["a-b"] = "1"; }),
                "chat_template_kwargs[a-b]", "name of a variable");
  ExpectRefused(ChatData([](auto* data) { data->set_chat_template_date("26 Jul 2024"); }), "chat_template_date",
                "2024-07-26 (26 Jul 2024)");
}

TEST(DatasetValidationTest, UploadIsNamedByADigest) {
  EXPECT_OK(CheckData(UploadedData(std::string(64, 'a'))));
  for (const std::string& digest : {std::string(), std::string(63, 'a'), std::string(64, 'A'), std::string(64, 'g')}) {
    ExpectRefused(UploadedData(digest), "uploaded.sha256", "64 lower-case hex digits");
  }
}

}  // namespace
}  // namespace cohort::coordinator
