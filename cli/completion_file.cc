// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_file.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/yaml_document.h"
#include "common/config/yaml_to_proto.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/json_depth.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "reward/row_use.h"

namespace cohort::cli {
namespace {

using cohort::v1::DatasetSpec;
using cohort::v1::RewardSpec;

constexpr size_t kShownBytes = 80;

std::string NameOr(const std::string& name, const char* otherwise) { return name.empty() ? otherwise : name; }

// What a field says as text, as a dataset's does: a string, or the JSON of anything else. Nothing when it is not there.
std::optional<std::string> TextOf(const nlohmann::json& row, const std::string& field) {
  const auto found = row.find(field);
  if (found == row.end() || found->is_null()) return std::nullopt;
  return found->is_string() ? found->get<std::string>() : found->dump();
}

absl::StatusOr<std::string> PartOf(const cohort::v1::JobSpec& spec, std::string_view asked, std::string_view path) {
  std::string part(asked);
  if (part.empty()) part = spec.has_rlvr() ? "rlvr" : spec.has_rescore() ? "rescore" : "evaluation";
  const bool is_there = part == "rlvr"         ? spec.rlvr().has_reward()
                        : part == "evaluation" ? spec.evaluation().has_reward()
                                               : spec.rescore().has_reward();
  if (is_there) return part;
  return common::PrefixMessage(
      common::InvalidField(part + ".reward", "", "the job file has no such rubric; --reward names another part"), path);
}

// The ground truth, by the rules of a dataset; empty when nothing asks for one.
absl::StatusOr<std::string> AnswerOf(const nlohmann::json& row, const ScoringRules& rules) {
  const cohort::v1::FieldMapping& fields = rules.rows.fields();
  const std::string name = NameOr(fields.answer(), "answer");
  const std::optional<std::string> answer = TextOf(row, name);
  if (!answer.has_value()) {
    if (fields.answer().empty() && !reward::NeedsAnswer(rules.reward)) return "";
    return absl::InvalidArgumentError(absl::StrCat("field missing, the ground truth (", name, ")"));
  }
  if (fields.answer_marker().empty()) return *answer;
  const size_t at = answer->rfind(fields.answer_marker());
  if (at == std::string::npos) {
    return common::InvalidField(name, *answer, absl::StrCat("lacks the marker ", fields.answer_marker()));
  }
  return std::string(absl::StripAsciiWhitespace(answer->substr(at + fields.answer_marker().size())));
}

absl::StatusOr<CompletionLine> ParseLine(std::string_view text, const ScoringRules& rules,
                                         const std::string& completion_field) {
  COHORT_RETURN_IF_ERROR(common::CheckJsonDepth(text));
  const nlohmann::json row = nlohmann::json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a JSON object in UTF-8 (", common::Printable(text, kShownBytes), ")"));
  }
  const auto completion = row.find(completion_field);
  if (completion == row.end() || !completion->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat(completion == row.end() ? "field missing, the completion" : "the completion must be a string",
                     " (", completion_field, "); --completion_field names another"));
  }
  CompletionLine line{.line = 0, .problem = {}, .completion = completion->get<std::string>()};
  COHORT_ASSIGN_OR_RETURN(*line.problem.mutable_answer(), AnswerOf(row, rules));
  if (const auto prompt = TextOf(row, NameOr(rules.rows.fields().prompt(), "prompt"))) {
    line.problem.set_prompt(absl::StrCat(rules.rows.prompt_prefix(), *prompt, rules.rows.prompt_suffix()));
  }
  line.problem.set_row_json(std::string(text));
  return line;
}

}  // namespace

absl::StatusOr<ScoringRules> LoadScoringRules(std::string_view path_view, std::string_view part) {
  const std::string path(path_view);
  const auto text = common::ReadFile(path);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  COHORT_ASSIGN_OR_RETURN(const YAML::Node root, common::ParseYamlDocument(*text, path));
  ScoringRules rules;
  if (root.IsMap() && root["verifiers"].IsDefined()) {
    if (!part.empty())
      return absl::InvalidArgumentError("--reward: the file is a rubric, not a job file (" + path + ")");
    COHORT_RETURN_IF_ERROR(common::YamlToProto(*text, path, &rules.reward));
    return rules;
  }
  cohort::v1::JobSpec spec;
  COHORT_RETURN_IF_ERROR(common::YamlToProto(*text, path, &spec));
  COHORT_ASSIGN_OR_RETURN(const std::string chosen, PartOf(spec, part, path));
  rules.field = chosen + ".reward";
  if (chosen == "rlvr") {
    rules.reward = spec.rlvr().reward();
    rules.rows = spec.rlvr().data();
  } else if (chosen == "evaluation") {
    rules.reward = spec.evaluation().reward();
    rules.rows = spec.evaluation().data();
  } else {
    rules.reward = spec.rescore().reward();
  }
  return rules;
}

absl::StatusOr<std::vector<CompletionLine>> ReadCompletions(std::string_view path_view, const ScoringRules& rules,
                                                            const std::string& completion_field) {
  const std::string path(path_view);
  const auto text = common::ReadFile(path);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  std::vector<CompletionLine> lines;
  int64_t number = 0;
  for (const absl::string_view piece : absl::StrSplit(*text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(piece).empty()) continue;
    auto line = ParseLine({piece.data(), piece.size()}, rules, completion_field);
    if (!line.ok()) return common::PrefixMessage(line.status(), absl::StrCat(path, ":", number));
    line->line = number;
    line->problem.set_problem_id(static_cast<int64_t>(lines.size()));
    lines.push_back(*std::move(line));
  }
  if (lines.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": holds no completion"));
  return lines;
}

}  // namespace cohort::cli
