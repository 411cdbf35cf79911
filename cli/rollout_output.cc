// SPDX-License-Identifier: Apache-2.0
#include "cli/rollout_output.h"

#include <google/protobuf/util/time_util.h>

#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cohort/v1/rollout.pb.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

using cohort::v1::Rollout;
using cohort::v1::Score;
using cohort::v1::StoredRollouts;

constexpr size_t kMaxLines = 12;
constexpr size_t kMaxLineBytes = 400;

std::string PurposeText(cohort::v1::GroupPurpose purpose) {
  return EnumText(cohort::v1::GroupPurpose_Name(purpose), "GROUP_PURPOSE_");
}

// `text` line by line behind "| ", at most some lines unless it is wanted whole.
std::string Quoted(const std::string& text, std::string_view indent, bool is_whole) {
  std::string out;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!is_whole && i == kMaxLines) {
      absl::StrAppend(&out, std::string(indent), "... ", lines.size() - i, " further lines (-o wide)\n");
      break;
    }
    const size_t most = is_whole ? std::numeric_limits<size_t>::max() : kMaxLineBytes;
    absl::StrAppend(&out, std::string(indent), "| ", common::Printable(lines[i], most), "\n");
  }
  return out;
}

// "correct 1.0000", "form wrong: no box", "sandbox no verdict: deadline".
std::string ScoreText(const Score& score) {
  const std::string reason = common::Printable(score.reason(), kMaxLineBytes);
  switch (score.outcome()) {
    case cohort::v1::SCORE_OUTCOME_WRONG:
      return absl::StrCat(score.verifier(), " wrong", reason.empty() ? "" : ": ", reason);
    case cohort::v1::SCORE_OUTCOME_NO_VERDICT:
      return absl::StrCat(score.verifier(), " no verdict", reason.empty() ? "" : ": ", reason);
    default:
      return absl::StrFormat("%s %.4f", score.verifier(), score.value());
  }
}

std::string RewardText(const Rollout& rollout, const Console& console) {
  if (rollout.outcome() == cohort::v1::SCORE_OUTCOME_NO_VERDICT) return "no verdict";
  const std::string text = absl::StrFormat("reward %.4f", rollout.reward());
  return rollout.reward() > 0 ? Green(console, text) : Red(console, text);
}

std::string CompletionText(const Rollout& rollout, bool is_wide, const Console& console) {
  const std::string reason = EnumText(cohort::v1::FinishReason_Name(rollout.finish_reason()), "FINISH_REASON_");
  std::string text = absl::StrCat("  completion ", rollout.sibling(), "  ", RewardText(rollout, console));
  if (rollout.finish_reason() == cohort::v1::FINISH_REASON_LENGTH) absl::StrAppend(&text, "  truncated");
  if (is_wide) {
    absl::StrAppend(&text, "  finish ", reason);
    if (rollout.token_ids_size() > 0) absl::StrAppend(&text, "  ", rollout.token_ids_size(), " tokens");
  }
  absl::StrAppend(&text, "\n");
  for (const Score& score : rollout.scores()) absl::StrAppend(&text, "    ", ScoreText(score), "\n");
  return absl::StrCat(text, Quoted(rollout.text(), "    ", is_wide));
}

std::string GroupText(const StoredRollouts& stored, bool is_wide, const Console& console) {
  const auto& group = stored.group();
  std::string text =
      absl::StrCat("group ", group.group_id(), "  ", PurposeText(group.purpose()),
                   group.evaluation_run().empty() ? "" : " ", group.evaluation_run(), "  step ", stored.step(),
                   "  problem ", group.problem_id(), "  version ", group.policy_version(), "  ", stored.fate(), "\n");
  if (is_wide) {
    using google::protobuf::util::TimeUtil;
    absl::StrAppendFormat(&text, "  worker %s  attempt %d  epoch %d  generation %.3f s  scoring %.3f s\n",
                          group.worker_id(), group.attempt(), group.epoch(),
                          static_cast<double>(TimeUtil::DurationToNanoseconds(group.generation_time())) / 1e9,
                          static_cast<double>(TimeUtil::DurationToNanoseconds(group.scoring_time())) / 1e9);
  }
  absl::StrAppend(&text, "  prompt\n", Quoted(stored.prompt(), "    ", is_wide));
  if (!stored.answer().empty()) {
    absl::StrAppend(&text, "  ground truth\n", Quoted(stored.answer(), "    ", is_wide));
  }
  for (const Rollout& rollout : group.rollouts()) absl::StrAppend(&text, CompletionText(rollout, is_wide, console));
  return text;
}

}  // namespace

std::string FormatRollouts(const cohort::v1::ListRolloutsResponse& page, OutputFormat format, const Console& console) {
  if (auto document = AsListDocument(page, format)) return *std::move(document);
  std::string text;
  for (const StoredRollouts& stored : page.rollouts()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", GroupText(stored, format == OutputFormat::kWide, console));
  }
  return text;
}

}  // namespace cohort::cli
