// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/dataset.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/field_error.h"
#include "common/json_depth.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "coordinator/dataset/open_row_reader.h"
#include "coordinator/dataset/row_scan.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kShownBytes = 80;
// What a row becomes is sent as one message of at most 4 MiB, together with what else an assignment holds.
constexpr size_t kMaxMessageBytes = 3 << 20;
// Of a problem all that is not text, and more.
constexpr size_t kMaxFramingBytes = 128;

absl::Status CheckMessageSize(size_t num_bytes, const std::string& where) {
  if (num_bytes <= kMaxMessageBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": too large to be sent (", num_bytes, " bytes, at most ", kMaxMessageBytes, ")"));
}

size_t ValidUtf8Bytes(std::string_view text) {
  size_t valid = 0;
  while (valid < text.size()) {
    const size_t character = common::LeadingUtf8Character(text.substr(valid));
    if (character == 0) break;
    valid += character;
  }
  return valid;
}

absl::StatusOr<nlohmann::json> ParseRow(const std::string& text, const std::string& where) {
  const size_t valid = ValidUtf8Bytes(text);
  if (valid < text.size()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": not UTF-8 at byte ", valid, " (",
                                                   common::Printable(std::string_view(text).substr(valid), 8), ")"));
  }
  COHORT_RETURN_IF_ERROR(common::PrefixMessage(common::CheckJsonDepth(text), where));
  nlohmann::json row = nlohmann::json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": not a JSON object (", common::Printable(text, kShownBytes), ")"));
  }
  return row;
}

absl::StatusOr<std::string> FieldText(const nlohmann::json& row, const std::string& field, const std::string& where) {
  const auto it = row.find(field);
  if (it == row.end() || it->is_null()) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": field missing (", field, ")"));
  }
  return it->is_string() ? it->get<std::string>() : it->dump();
}

absl::StatusOr<std::string> AnswerAfterMarker(const std::string& text, const std::string& marker,
                                              const std::string& where) {
  if (marker.empty()) return text;
  const size_t at = text.rfind(marker);
  if (at == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": the answer lacks the marker ", marker, " (", common::Printable(text, kShownBytes), ")"));
  }
  return std::string(absl::StripAsciiWhitespace(text.substr(at + marker.size())));
}

template <typename T>
absl::StatusOr<T> AtRow(const std::string& where, absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", result.status().message()));
}

}  // namespace

struct Dataset::RowText {
  std::string where;
  std::string text;
  nlohmann::json fields;
};

Dataset::Dataset(cohort::v1::DatasetSpec spec, std::unique_ptr<RowReader> rows, std::unique_ptr<const ChatRows> chats)
    : spec_(std::move(spec)), rows_(std::move(rows)), chats_(std::move(chats)) {}

absl::StatusOr<std::unique_ptr<Dataset>> Dataset::Open(const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots,
                                                       std::shared_ptr<const model::ChatTemplate> chat_template) {
  std::unique_ptr<const ChatRows> chats;
  if (!spec.fields().messages().empty()) {
    COHORT_ASSIGN_OR_RETURN(chats, ChatRows::Create(spec, std::move(chat_template)));
  }
  COHORT_ASSIGN_OR_RETURN(auto rows, OpenRowReader(spec, roots));
  return std::unique_ptr<Dataset>(new Dataset(spec, std::move(rows), std::move(chats)));
}

std::string Dataset::Digest() const {
  if (chats_ == nullptr) return rows_->Digest();
  return common::Sha256Of(rows_->Digest() + chats_->TemplateSource());
}

absl::StatusOr<std::string> Dataset::Prompt(const RowText& row) const {
  if (chats_ != nullptr) return AtRow(row.where, chats_->Prompt(row.text));
  COHORT_ASSIGN_OR_RETURN(const std::string prompt, FieldText(row.fields, spec_.fields().prompt(), row.where));
  return absl::StrCat(spec_.prompt_prefix(), prompt, spec_.prompt_suffix());
}

absl::StatusOr<Dataset::RowText> Dataset::ReadRow(int64_t row) const {
  COHORT_ASSIGN_OR_RETURN(std::string text, rows_->Read(row));
  return ParseText(row, std::move(text));
}

absl::StatusOr<Dataset::RowText> Dataset::ParseText(int64_t row, std::string text) const {
  RowText read{.where = rows_->Describe(row), .text = std::move(text)};
  COHORT_ASSIGN_OR_RETURN(read.fields, ParseRow(read.text, read.where));
  return read;
}

absl::StatusOr<cohort::v1::Problem> Dataset::ReadProblem(int64_t row) const {
  cohort::v1::Problem problem;
  COHORT_RETURN_IF_ERROR(ReadProblem(row, &problem));
  return problem;
}

absl::Status Dataset::ReadProblem(int64_t row, cohort::v1::Problem* problem) const {
  problem->Clear();
  problem->set_problem_id(row);
  problem->set_prompt_is_rendered(chats_ != nullptr);
  std::string& text = *problem->mutable_row_json();
  COHORT_RETURN_IF_ERROR(rows_->ReadInto(row, &text));
  if (!ScanProblem(text, problem)) {
    COHORT_ASSIGN_OR_RETURN(RowText read, ParseText(row, std::move(text)));
    COHORT_ASSIGN_OR_RETURN(*problem->mutable_prompt(), Prompt(read));
    if (!spec_.fields().answer().empty()) {
      COHORT_ASSIGN_OR_RETURN(const std::string answer, FieldText(read.fields, spec_.fields().answer(), read.where));
      COHORT_ASSIGN_OR_RETURN(*problem->mutable_answer(),
                              AnswerAfterMarker(answer, spec_.fields().answer_marker(), read.where));
    }
    text = std::move(read.text);
  }
  const size_t num_text_bytes = text.size() + problem->prompt().size() + problem->answer().size();
  if (num_text_bytes <= kMaxMessageBytes - kMaxFramingBytes) return absl::OkStatus();
  return CheckMessageSize(problem->ByteSizeLong(), rows_->Describe(row));
}

bool Dataset::ScanProblem(const std::string& text, cohort::v1::Problem* problem) const {
  if (chats_ != nullptr) return false;
  const auto& names = spec_.fields();
  const bool has_answer = !names.answer().empty();
  ScannedField fields[] = {{.name = names.prompt(), .text = problem->mutable_prompt()},
                           {.name = names.answer(), .text = has_answer ? problem->mutable_answer() : nullptr}};
  const ScannedField &prompt = fields[0], &answer = fields[1];
  // The same field may be both; it is found as the first.
  if (names.prompt() == names.answer()) return false;
  if (!ScanRow(text, absl::MakeSpan(fields, has_answer ? 2 : 1)) || !prompt.is_found) return false;
  if (has_answer && !answer.is_found) return false;
  const std::string& marker = names.answer_marker();
  if (has_answer && !marker.empty()) {
    const size_t at = answer.text->rfind(marker);
    if (at == std::string::npos) return false;
    answer.text->erase(0, at + marker.size());
    absl::StripAsciiWhitespace(answer.text);
  }
  if (!spec_.prompt_prefix().empty()) prompt.text->insert(0, spec_.prompt_prefix());
  prompt.text->append(spec_.prompt_suffix());
  return true;
}

absl::StatusOr<cohort::v1::Demonstration> Dataset::ReadDemonstration(int64_t row) const {
  COHORT_ASSIGN_OR_RETURN(const RowText read, ReadRow(row));
  const std::string& completion = spec_.fields().completion();
  cohort::v1::Demonstration demonstration;
  demonstration.set_problem_id(row);
  demonstration.set_prompt_is_rendered(chats_ != nullptr);
  if (completion.empty() && chats_ != nullptr) {
    COHORT_ASSIGN_OR_RETURN(const model::ChatTurn turn, AtRow(read.where, chats_->LastTurn(read.text)));
    demonstration.set_prompt(turn.prompt);
    demonstration.set_completion(turn.completion);
  } else {
    COHORT_ASSIGN_OR_RETURN(*demonstration.mutable_prompt(), Prompt(read));
    COHORT_ASSIGN_OR_RETURN(*demonstration.mutable_completion(), FieldText(read.fields, completion, read.where));
  }
  if (demonstration.completion().empty()) {
    const std::string& field = completion.empty() ? spec_.fields().messages() : completion;
    return absl::InvalidArgumentError(absl::StrCat(read.where, ": nothing to imitate (", field, ")"));
  }
  COHORT_RETURN_IF_ERROR(CheckMessageSize(demonstration.ByteSizeLong(), read.where));
  return demonstration;
}

}  // namespace cohort::coordinator
