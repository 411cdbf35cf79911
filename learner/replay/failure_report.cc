// SPDX-License-Identifier: Apache-2.0
#include "learner/replay/failure_report.h"

#include <cmath>
#include <initializer_list>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cohort::learner {
namespace {

constexpr char kMark[] = "  <--";

std::string Number(const std::optional<double>& value) {
  return value.has_value() ? absl::StrFormat(" %12.6g", *value) : absl::StrFormat(" %12s", "-");
}

std::string SequenceLine(const ReplayedSequence& sequence) {
  return absl::StrCat(absl::StrFormat("%-28s %7d", sequence.label, sequence.num_tokens), Number(sequence.advantage),
                      Number(sequence.loss), Number(sequence.gradient_norm), sequence.is_finite ? "" : kMark, "\n");
}

std::string TokenLine(const ReplayedToken& token) {
  std::string line =
      absl::StrFormat("%-7d %8d %-16s", token.token, token.id, absl::StrCat("\"", absl::CHexEscape(token.text), "\""));
  bool is_finite = true;
  for (const std::optional<double>* value : {&token.behavior_logprob, &token.policy_logprob, &token.proximal_logprob,
                                             &token.reference_logprob, &token.loss_gradient, &token.gradient_norm}) {
    line += Number(*value);
    is_finite = is_finite && std::isfinite(value->value_or(0));
  }
  return absl::StrCat(line, is_finite ? "" : kMark, "\n");
}

}  // namespace

std::string FailureReport(const ReplayedFailure& failure) {
  std::string text =
      absl::StrFormat("%s: version %d, update %d, rank %d of %d, weights of %s\n", failure.job, failure.policy_version,
                      failure.update, failure.rank, failure.world_size, failure.weights);
  absl::StrAppend(&text, "recorded: ", failure.recorded, "\n");
  absl::StrAppend(&text, "replayed: ", failure.replayed.empty() ? "every number is finite" : failure.replayed, "\n\n");
  absl::StrAppendFormat(&text, "%-28s %7s %12s %12s %12s\n", "SEQUENCE", "TOKENS", "ADVANTAGE", "LOSS", "GRAD NORM");
  for (const ReplayedSequence& sequence : failure.sequences) text += SequenceLine(sequence);
  for (const ReplayedSequence& sequence : failure.sequences) {
    if (sequence.tokens.empty()) continue;
    absl::StrAppend(&text, "\n", sequence.label, "\n");
    absl::StrAppendFormat(&text, "%-7s %8s %-16s %12s %12s %12s %12s %12s %12s\n", "TOKEN", "ID", "TEXT", "BEHAVIOR",
                          "POLICY", "PROXIMAL", "REFERENCE", "D LOSS", "GRAD NORM");
    for (const ReplayedToken& token : sequence.tokens) text += TokenLine(token);
  }
  return text;
}

}  // namespace cohort::learner
