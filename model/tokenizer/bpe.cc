// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/bpe.h"

#include <queue>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

struct Candidate {
  int32_t rank;
  int32_t left;  // position of the left symbol
  int32_t id;    // what the pair becomes

  // Lowest rank first, then leftmost.
  bool operator<(const Candidate& other) const { return std::pair(rank, left) > std::pair(other.rank, other.left); }
};

absl::StatusOr<int32_t> IdOf(const Bpe::Vocabulary& vocabulary, const std::string& token, size_t merge) {
  const auto found = vocabulary.find(token);
  if (found != vocabulary.end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat(
      "merges: entry ", merge, " needs a token that is not in the vocabulary (", absl::CHexEscape(token), ")"));
}

}  // namespace

absl::StatusOr<Bpe> Bpe::Create(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& merges,
                                bool ignore_merges) {
  Bpe bpe;
  bpe.ignore_merges_ = ignore_merges;
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = vocabulary.find(std::string(1, static_cast<char>(byte)));
    bpe.id_of_byte_[byte] = found == vocabulary.end() ? -1 : found->second;
  }
  bpe.merges_.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    COHORT_ASSIGN_OR_RETURN(const int32_t left_id, IdOf(vocabulary, left, rank));
    COHORT_ASSIGN_OR_RETURN(const int32_t right_id, IdOf(vocabulary, right, rank));
    COHORT_ASSIGN_OR_RETURN(const int32_t merged_id, IdOf(vocabulary, left + right, rank));
    if (!bpe.merges_.emplace(PairKey(left_id, right_id), Merge{static_cast<int32_t>(rank), merged_id}).second) {
      return absl::InvalidArgumentError(absl::StrCat("merges: entry ", rank, " is given twice (",
                                                     absl::CHexEscape(left), " + ", absl::CHexEscape(right), ")"));
    }
  }
  bpe.vocabulary_ = std::move(vocabulary);
  return bpe;
}

const Bpe::Merge* Bpe::FindMerge(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

absl::Status Bpe::Encode(std::string_view piece, std::vector<int32_t>* ids) const {
  if (ignore_merges_) {
    const auto whole = vocabulary_.find(std::string(piece));
    if (whole != vocabulary_.end()) {
      ids->push_back(whole->second);
      return absl::OkStatus();
    }
  }
  std::vector<Symbol> symbols(piece.size());
  for (size_t i = 0; i < piece.size(); ++i) {
    const auto byte = static_cast<unsigned char>(piece[i]);
    if (id_of_byte_[byte] < 0) {
      const std::string shown = byte >= 0x20 && byte < 0x7F ? absl::StrCat(" '", std::string(1, piece[i]), "'") : "";
      return absl::InvalidArgumentError(
          absl::StrFormat("text: has a byte that the vocabulary cannot express (0x%02X%s)", byte, shown));
    }
    symbols[i] = {id_of_byte_[byte], static_cast<int32_t>(i) - 1,
                  i + 1 == piece.size() ? -1 : static_cast<int32_t>(i) + 1};
  }
  if (!merges_.empty()) MergeAll(&symbols);
  for (int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) ids->push_back(symbols[i].id);
  return absl::OkStatus();
}

void Bpe::MergeAll(std::vector<Symbol>* symbols_pointer) const {
  std::vector<Symbol>& symbols = *symbols_pointer;
  std::priority_queue<Candidate> candidates;
  const auto offer = [&](int32_t left) {
    if (left < 0 || symbols[left].next < 0) return;
    const Merge* merge = FindMerge(symbols[left].id, symbols[symbols[left].next].id);
    if (merge != nullptr) candidates.push({merge->rank, left, merge->id});
  };
  for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols.size()); ++i) offer(i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.left];
    // A candidate is stale when one of its symbols was merged since: then the pair no longer gives its token.
    if (left.id < 0 || left.next < 0) continue;
    const Merge* merge = FindMerge(left.id, symbols[left.next].id);
    if (merge == nullptr || merge->rank != best.rank) continue;
    Symbol& right = symbols[left.next];
    left.id = best.id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    offer(left.previous);
    offer(best.left);
  }
}

}  // namespace cohort::model
