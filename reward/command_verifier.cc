// SPDX-License-Identifier: Apache-2.0
#include "reward/command_verifier.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/utf8.h"
#include "nlohmann/json.hpp"
#include "reward/score.h"
#include "reward/verifier_defaults.h"

namespace cohort::reward {
namespace {

using nlohmann::json;

constexpr size_t kMaxReasonBytes = 1024;

json ParseLeniently(const std::string& text) { return json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false); }

// One line: JSON escapes line feeds. Invalid UTF-8 becomes U+FFFD.
std::string RequestLine(int64_t id, const cohort::v1::Problem& problem, std::string_view completion) {
  json request = {
      {"id", id}, {"prompt", problem.prompt()}, {"completion", std::string(completion)}, {"answer", problem.answer()}};
  json row = ParseLeniently(problem.row_json());
  request["row"] = row.is_discarded() ? json() : std::move(row);
  return request.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

// A text field, cut: reasons are kept with every rollout.
std::string StringField(const json& object, const char* field) {
  const auto it = object.find(field);
  if (it == object.end() || !it->is_string()) return "";
  return common::Printable(it->get<std::string>(), kMaxReasonBytes);
}

// The answer as a score; INVALID_ARGUMENT says what is wrong with it.
absl::StatusOr<cohort::v1::Score> ParseAnswer(const std::string& line, int64_t id) {
  const json answer = ParseLeniently(line);
  if (!answer.is_object())
    return absl::InvalidArgumentError(absl::StrCat("answered ", Quoted(line), ", not a JSON object"));
  const auto answered_id = answer.find("id");
  if (answered_id == answer.end() || *answered_id != json(id)) {
    return absl::InvalidArgumentError(absl::StrCat("answered ", Quoted(line), " to the request with id ", id));
  }
  const std::string outcome = StringField(answer, "outcome");
  const std::string reason = StringField(answer, "reason");
  if (outcome == "wrong") return WrongScore(reason.empty() ? "the program says wrong" : reason);
  if (outcome == "no_verdict") return NoVerdictScore(reason.empty() ? "the program says no verdict" : reason);
  if (outcome != "graded") {
    return absl::InvalidArgumentError(
        absl::StrCat("answered outcome ", Quoted(outcome), "; want graded, wrong or no_verdict"));
  }
  const auto value = answer.find("value");
  if (value == answer.end() || !value->is_number() || !(value->get<double>() >= 0 && value->get<double>() <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("answered ", Quoted(line), ", whose value is not within 0 and 1"));
  }
  cohort::v1::Score score = GradedScore(value->get<double>());
  score.set_reason(reason);
  return score;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Verifier>> CommandVerifier::Create(const cohort::v1::VerifierSpec& spec) {
  cohort::v1::CommandVerifier command = spec.command();
  if (command.argv_size() == 0 || command.argv(0).empty()) {
    return common::InvalidField("command.argv", "", "names no program");
  }
  if (command.max_memory_bytes() < 0) {
    return common::InvalidField("command.max_memory_bytes", absl::StrCat(command.max_memory_bytes()),
                                "must not be negative");
  }
  SetDefaults(&command);
  return std::unique_ptr<Verifier>(new CommandVerifier(command));
}

void CommandVerifier::Prepare() {
  program_ = CommandProcess::Start({.argv = {spec_.argv().begin(), spec_.argv().end()},
                                    .working_directory = spec_.working_directory(),
                                    .max_memory_bytes = spec_.max_memory_bytes()});
}

cohort::v1::Score CommandVerifier::Judge(const cohort::v1::Problem& problem, std::string_view completion) {
  if (!is_usable_) return Fault("the program had a fault before");
  if (program_.ok() && *program_ == nullptr) Prepare();
  if (!program_.ok()) return Fault(std::string(program_.status().message()));
  const int64_t id = next_id_++;
  const absl::StatusOr<std::string> line = (*program_)->Exchange(RequestLine(id, problem, completion));
  if (!line.ok()) return Fault(std::string(line.status().message()));
  const absl::StatusOr<cohort::v1::Score> score = ParseAnswer(*line, id);
  if (!score.ok()) return Fault(absl::StrCat("the program ", score.status().message()));
  return *score;
}

absl::StatusOr<std::optional<std::string>> CommandVerifier::GoldCompletion(const cohort::v1::Problem& problem) {
  if (spec_.gold_completion_field().empty()) return problem.answer();
  const json row = ParseLeniently(problem.row_json());
  const bool has_field = row.is_object() && row.contains(spec_.gold_completion_field());
  if (!has_field) {
    return absl::InvalidArgumentError(
        absl::StrCat("the row has no field ", Quoted(spec_.gold_completion_field()), " with a gold completion"));
  }
  const json& completion = row[spec_.gold_completion_field()];
  return completion.is_string() ? completion.get<std::string>() : completion.dump();
}

cohort::v1::Score CommandVerifier::Fault(std::string_view reason) {
  is_usable_ = false;
  return NoVerdictScore(reason);
}

}  // namespace cohort::reward
