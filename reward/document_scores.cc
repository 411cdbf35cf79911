// SPDX-License-Identifier: Apache-2.0
#include "reward/document_scores.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "reward/score.h"

namespace cohort::reward {
namespace {

using nlohmann::json;

// A list of numbers needs no deeper nesting; a deep one would only exhaust the parser.
constexpr int kMaxDepth = 2;

absl::StatusOr<std::string_view> AnswerText(std::string_view completion) {
  constexpr std::string_view kOpen = "<answer>";
  constexpr std::string_view kClose = "</answer>";
  const size_t close = completion.rfind(kClose);
  const size_t open = close == std::string_view::npos ? close : completion.rfind(kOpen, close);
  if (open == std::string_view::npos) return absl::NotFoundError("no <answer> ... </answer>");
  const size_t start = open + kOpen.size();
  return completion.substr(start, close - start);
}

absl::Status NotScores(const std::string& why, std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("the answer ", why, " (", Quoted(text), ")"));
}

const json* ScoreOf(const json& scores, size_t document) {
  if (scores.is_array()) return &scores[document];
  const std::string number = std::to_string(document + 1);
  for (const std::string& key : {number, "[" + number + "]"}) {
    const auto found = scores.find(key);
    if (found != scores.end()) return &*found;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::vector<double>> ParseDocumentScores(std::string_view completion, int64_t num_documents,
                                                        double max_score) {
  COHORT_ASSIGN_OR_RETURN(const std::string_view text, AnswerText(completion));
  bool is_too_deep = false;
  const auto check_depth = [&is_too_deep](int depth, json::parse_event_t, json&) {
    is_too_deep = is_too_deep || depth > kMaxDepth;
    return !is_too_deep;
  };
  const json scores = json::parse(text, check_depth, /*allow_exceptions=*/false);
  if (is_too_deep || (!scores.is_array() && !scores.is_object())) {
    return NotScores("is not a JSON list or object of scores", text);
  }
  if (scores.size() != static_cast<size_t>(num_documents)) {
    return NotScores(absl::StrCat("has ", scores.size(), " scores for ", num_documents, " documents"), text);
  }
  std::vector<double> values;
  for (size_t document = 0; document < scores.size(); ++document) {
    const json* score = ScoreOf(scores, document);
    if (score == nullptr) return NotScores(absl::StrCat("has no score for document ", document + 1), text);
    const double value = score->is_number() ? score->get<double>() : -1;
    if (!(value >= 0 && value <= max_score)) {
      return NotScores(absl::StrCat("gives document ", document + 1, " no number from 0 to ", max_score), text);
    }
    values.push_back(value);
  }
  return values;
}

std::vector<double> GoldInPredictedOrder(const std::vector<double>& predicted, const std::vector<double>& gold) {
  std::vector<size_t> order(predicted.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return predicted[a] != predicted[b] ? predicted[a] > predicted[b] : gold[a] < gold[b];
  });
  std::vector<double> ordered;
  for (const size_t document : order) ordered.push_back(gold[document]);
  return ordered;
}

}  // namespace cohort::reward
