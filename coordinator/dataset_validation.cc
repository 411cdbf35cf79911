// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset_validation.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/dataset/dataset_store.h"
#include "coordinator/field_check.h"
#include "model/chat_template/chat_row.h"
#include "model/chat_template/globals.h"

namespace cohort::coordinator {
namespace {

constexpr char kOnlyWithMessages[] = "is a setting of the chat template, which renders fields.messages only";
constexpr char kOnlyWithPrompt[] = "is put around fields.prompt only: a chat template writes what surrounds messages";

absl::Status CheckPromptData(const cohort::v1::DatasetSpec& data) {
  if (data.fields().prompt().empty()) {
    return common::InvalidField("fields.prompt", "", "needs the name of a row field, or fields.messages does");
  }
  if (!data.fields().tools().empty())
    return common::InvalidField("fields.tools", data.fields().tools(), kOnlyWithMessages);
  if (!data.chat_template_kwargs().empty()) {
    return common::InvalidField("chat_template_kwargs", data.chat_template_kwargs().begin()->first, kOnlyWithMessages);
  }
  if (!data.chat_template_date().empty()) {
    return common::InvalidField("chat_template_date", data.chat_template_date(), kOnlyWithMessages);
  }
  return absl::OkStatus();
}

absl::Status CheckChatData(const cohort::v1::DatasetSpec& data) {
  if (!data.fields().prompt().empty()) {
    return common::InvalidField("fields.messages", data.fields().messages(),
                                "takes the place of fields.prompt: name one");
  }
  if (!data.prompt_prefix().empty())
    return common::InvalidField("prompt_prefix", data.prompt_prefix(), kOnlyWithPrompt);
  if (!data.prompt_suffix().empty())
    return common::InvalidField("prompt_suffix", data.prompt_suffix(), kOnlyWithPrompt);
  const absl::Status date = model::chat_template::CheckDate(data.chat_template_date());
  if (!date.ok()) return common::InvalidField("chat_template_date", "", std::string(date.message()));
  // In the order of the names, so that the same mistake is named every time.
  const std::map<std::string, std::string> variables(data.chat_template_kwargs().begin(),
                                                     data.chat_template_kwargs().end());
  for (const auto& [name, json] : variables) {
    const absl::Status variable = model::CheckChatVariable(name, json);
    if (variable.ok()) continue;
    return common::InvalidField(absl::StrCat("chat_template_kwargs[", name, "]"), json,
                                std::string(variable.message()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckData(const cohort::v1::DatasetSpec& data) {
  if (data.reader_case() == cohort::v1::DatasetSpec::READER_NOT_SET) {
    return common::InvalidField("jsonl", "", "a dataset needs a reader");
  }
  if (data.has_uploaded()) {
    COHORT_RETURN_IF_ERROR(CheckSha256("uploaded.sha256", data.uploaded().sha256()));
  } else if (data.jsonl().path().empty()) {
    return common::InvalidField("jsonl.path", "", "needs a file");
  }
  COHORT_RETURN_IF_ERROR(data.fields().messages().empty() ? CheckPromptData(data) : CheckChatData(data));
  return CheckNotNegative("max_rows", data.max_rows());
}

}  // namespace cohort::coordinator
