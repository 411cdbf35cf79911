// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/pre_tokenizer.h"

#include <utility>

#include "common/status_macros.h"

namespace cohort::model {

absl::StatusOr<PreTokenizer> PreTokenizer::Create(const std::vector<std::string>& patterns) {
  PreTokenizer pre_tokenizer;
  for (const std::string& pattern : patterns) {
    if (const std::optional<SplitScanner> scanner = SplitScanner::ForPattern(pattern)) {
      pre_tokenizer.stages_.emplace_back(*scanner);
      continue;
    }
    COHORT_ASSIGN_OR_RETURN(std::unique_ptr<RegexSplitter> regex, RegexSplitter::Create(pattern));
    pre_tokenizer.stages_.emplace_back(std::move(regex));
  }
  return pre_tokenizer;
}

absl::Status PreTokenizer::Split(std::string_view text, std::vector<std::string_view>* pieces) const {
  if (stages_.empty()) {
    pieces->push_back(text);
    return absl::OkStatus();
  }
  if (stages_.size() == 1) return SplitOnce(stages_[0], text, pieces);
  std::vector<std::string_view> coarse = {text};
  for (const Stage& stage : stages_) {
    std::vector<std::string_view> finer;
    for (const std::string_view piece : coarse) COHORT_RETURN_IF_ERROR(SplitOnce(stage, piece, &finer));
    coarse = std::move(finer);
  }
  pieces->insert(pieces->end(), coarse.begin(), coarse.end());
  return absl::OkStatus();
}

absl::Status PreTokenizer::SplitOnce(const Stage& stage, std::string_view text, std::vector<std::string_view>* pieces) {
  if (const auto* regex = std::get_if<std::unique_ptr<RegexSplitter>>(&stage)) return (*regex)->Split(text, pieces);
  const SplitScanner& scanner = std::get<SplitScanner>(stage);
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = scanner.PieceEnd(text, at);
    pieces->push_back(text.substr(at, end - at));
    at = end;
  }
  return absl::OkStatus();
}

}  // namespace cohort::model
