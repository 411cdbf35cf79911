// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_BPE_H_
#define COHORT_MODEL_TOKENIZER_BPE_H_

// Torch-free.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/tokenizer/merge_table.h"
#include "model/tokenizer/piece_table.h"

namespace cohort::model {

// Byte-pair encoding of one piece of text: bytes, merged pair by pair in the order of the merge list, leftmost first.
// Pieces that come out as one token are found out when it is created and looked up from then on; there is no cache, so
// what a piece costs does not depend on what came before. Immutable, thread-safe.
class Bpe final {
 public:
  using Vocabulary = std::unordered_map<std::string, int32_t>;  // token as bytes -> id

  // `merges` in order of priority, as bytes. INVALID_ARGUMENT names a merge of or into a token outside the vocabulary,
  // or one given twice. With `ignore_merges` a piece that is a token is that token, whatever the merges give.
  static absl::StatusOr<Bpe> Create(const Vocabulary& vocabulary,
                                    const std::vector<std::pair<std::string, std::string>>& merges, bool ignore_merges);

  // Appends the ids of `piece`, which must not be empty. INVALID_ARGUMENT names a byte that no token stands for.
  // O(n log n) in the piece's length.
  absl::Status Encode(std::string_view piece, std::vector<int32_t>* ids) const {
    const int32_t whole = pieces_.Find(piece);
    if (whole < 0) return EncodeByMerging(piece, ids);
    ids->push_back(whole);
    return absl::OkStatus();
  }

 private:
  Bpe(MergeTable merges, PieceTable pieces) : merges_(std::move(merges)), pieces_(std::move(pieces)) {}

  absl::Status EncodeByMerging(std::string_view piece, std::vector<int32_t>* ids) const;
  bool ComesOutAs(const std::string& token, int32_t id) const;

  std::array<int32_t, 256> id_of_byte_;  // -1: no token
  MergeTable merges_;
  PieceTable pieces_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_BPE_H_
