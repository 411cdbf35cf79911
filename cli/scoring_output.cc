// SPDX-License-Identifier: Apache-2.0
#include "cli/scoring_output.h"

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cohort::cli {
namespace {

using cohort::v1::Score;
using Json = nlohmann::ordered_json;

// Weights are doubles: their sum may miss the largest reward by rounding.
constexpr double kRounding = 1e-9;

struct Mean {
  double sum = 0;
  int64_t count = 0;

  void Add(double value) {
    sum += value;
    ++count;
  }
  double Value() const { return count > 0 ? sum / static_cast<double>(count) : 0; }
};

struct Summary {
  std::map<std::string, int64_t> verdicts;
  Mean reward;  // of those with a verdict
  std::vector<std::pair<std::string, Mean>> verifiers;
};

bool HasVerdict(const Score& score) { return score.outcome() != cohort::v1::SCORE_OUTCOME_NO_VERDICT; }

Summary SummaryOf(const std::vector<ScoredLine>& lines, double max_reward) {
  Summary summary;
  for (const Score& score : lines.front().result.scores) summary.verifiers.emplace_back(score.verifier(), Mean());
  for (const ScoredLine& line : lines) {
    ++summary.verdicts[VerdictText(line.result, max_reward)];
    if (line.result.outcome != cohort::v1::SCORE_OUTCOME_NO_VERDICT) summary.reward.Add(line.result.reward);
    for (size_t i = 0; i < line.result.scores.size(); ++i) {
      const Score& score = line.result.scores[i];
      if (HasVerdict(score)) summary.verifiers[i].second.Add(score.value());
    }
  }
  return summary;
}

std::string OutcomeText(const Score& score) {
  return EnumText(cohort::v1::ScoreOutcome_Name(score.outcome()), "SCORE_OUTCOME_");
}

std::string ScoreCell(const Score& score) {
  return score.outcome() == cohort::v1::SCORE_OUTCOME_GRADED ? absl::StrFormat("%.4g", score.value())
                                                             : OutcomeText(score);
}

// The first reason that a verifier gave.
std::string ReasonOf(const reward::RubricResult& result) {
  for (const Score& score : result.scores) {
    if (!score.reason().empty()) return score.reason();
  }
  return "-";
}

std::string TableOf(const std::vector<ScoredLine>& lines, double max_reward) {
  std::vector<std::vector<std::string>> rows = {{"LINE", "VERDICT", "REWARD"}};
  for (const Score& score : lines.front().result.scores) rows[0].push_back(score.verifier());
  rows[0].push_back("REASON");
  for (const ScoredLine& line : lines) {
    const std::string verdict = VerdictText(line.result, max_reward);
    std::vector<std::string> row = {absl::StrCat(line.line), verdict,
                                    verdict == "no_verdict" ? "-" : absl::StrFormat("%.4g", line.result.reward)};
    for (const Score& score : line.result.scores) row.push_back(ScoreCell(score));
    row.push_back(ReasonOf(line.result));
    rows.push_back(std::move(row));
  }
  const Summary summary = SummaryOf(lines, max_reward);
  std::string text = FormatTable(rows);
  absl::StrAppend(&text, "\n", lines.size(), " completions");
  for (const auto& [verdict, count] : summary.verdicts) absl::StrAppend(&text, ", ", count, " ", verdict);
  absl::StrAppendFormat(&text, "; mean reward %.4g of %.4g\n", summary.reward.Value(), max_reward);
  for (const auto& [name, mean] : summary.verifiers) {
    absl::StrAppendFormat(&text, "%s: mean %.4g over %d verdicts\n", OneLine(name), mean.Value(), mean.count);
  }
  return text;
}

std::string JsonLine(const Json& json) {
  return json.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

std::string JsonOf(const std::vector<ScoredLine>& lines, double max_reward) {
  std::string text;
  for (const ScoredLine& line : lines) {
    Json scores = Json::array();
    for (const Score& score : line.result.scores) {
      Json entry = {{"verifier", score.verifier()}, {"outcome", OutcomeText(score)}};
      if (HasVerdict(score)) entry["value"] = score.value();
      if (!score.reason().empty()) entry["reason"] = score.reason();
      if (!score.item_values().empty()) {
        entry["item_values"] = std::vector<double>(score.item_values().begin(), score.item_values().end());
      }
      scores.push_back(std::move(entry));
    }
    const std::string verdict = VerdictText(line.result, max_reward);
    Json entry = {{"line", line.line}, {"verdict", verdict}};
    if (verdict != "no_verdict") entry["reward"] = line.result.reward;
    entry["scores"] = std::move(scores);
    text += JsonLine(entry);
  }
  const Summary summary = SummaryOf(lines, max_reward);
  Json means = Json::object();
  for (const auto& [name, mean] : summary.verifiers) {
    means[name] = Json{{"mean", mean.Value()}, {"num_verdicts", mean.count}};
  }
  const Json total = {{"num_completions", lines.size()},
                      {"verdicts", summary.verdicts},
                      {"mean_reward", summary.reward.Value()},
                      {"max_reward", max_reward},
                      {"verifiers", std::move(means)}};
  return text + JsonLine(Json{{"summary", total}});
}

}  // namespace

std::string VerdictText(const reward::RubricResult& result, double max_reward) {
  if (result.outcome == cohort::v1::SCORE_OUTCOME_NO_VERDICT) return "no_verdict";
  if (result.reward >= max_reward - kRounding) return "correct";
  return result.reward > kRounding ? "partial" : "wrong";
}

std::string FormatScoring(const std::vector<ScoredLine>& lines, double max_reward, OutputFormat format) {
  return format == OutputFormat::kJson ? JsonOf(lines, max_reward) : TableOf(lines, max_reward);
}

}  // namespace cohort::cli
