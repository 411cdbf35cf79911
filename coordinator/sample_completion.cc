// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sample_completion.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cohort::coordinator {
namespace {

// An event is one message, and people do not read on for ever. Cut at a character.
std::string Shorten(const std::string& text) {
  constexpr size_t kMaxBytes = 16 << 10;
  if (text.size() <= kMaxBytes) return text;
  size_t end = kMaxBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string Verdict(const cohort::v1::Score& score) {
  switch (score.outcome()) {
    case cohort::v1::SCORE_OUTCOME_GRADED:
      return absl::StrCat("graded ", score.value());
    case cohort::v1::SCORE_OUTCOME_WRONG:
      return absl::StrCat("wrong: ", score.reason());
    default:
      return absl::StrCat("no verdict: ", score.reason());
  }
}

}  // namespace

cohort::v1::SampleCompletion MakeSample(const cohort::v1::Problem& problem, const cohort::v1::RolloutGroup& group) {
  cohort::v1::SampleCompletion sample;
  sample.set_problem_id(problem.problem_id());
  sample.set_prompt(Shorten(problem.prompt()));
  sample.set_answer(Shorten(problem.answer()));
  if (group.rollouts().empty()) return sample;
  sample.set_completion(Shorten(group.rollouts(0).text()));
  std::vector<std::string> verdicts;
  for (const auto& score : group.rollouts(0).scores()) verdicts.push_back(Verdict(score));
  sample.set_verdict(Shorten(absl::StrJoin(verdicts, "; ")));
  return sample;
}

}  // namespace cohort::coordinator
