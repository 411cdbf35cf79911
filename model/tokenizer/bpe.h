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

namespace cohort::model {

// Byte-pair encoding of one piece of text: bytes, merged pair by pair in the order of the merge list, leftmost first.
// Immutable, thread-safe.
class Bpe final {
 public:
  using Vocabulary = std::unordered_map<std::string, int32_t>;  // token as bytes -> id

  // `merges` in order of priority, as bytes. INVALID_ARGUMENT names a merge of or into a token outside the vocabulary,
  // or one given twice. With `ignore_merges` a piece that is a token is that token, whatever the merges give.
  static absl::StatusOr<Bpe> Create(Vocabulary vocabulary,
                                    const std::vector<std::pair<std::string, std::string>>& merges, bool ignore_merges);

  // Appends the ids of `piece`. INVALID_ARGUMENT names a byte that no token stands for. O(n log n) in the piece's
  // length.
  absl::Status Encode(std::string_view piece, std::vector<int32_t>* ids) const;

 private:
  struct Merge {
    int32_t rank;
    int32_t id;  // of the merged token
  };
  struct Symbol {
    int32_t id;
    int32_t previous, next;  // -1 at the ends
  };

  static uint64_t PairKey(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  const Merge* FindMerge(int32_t left, int32_t right) const;
  void MergeAll(std::vector<Symbol>* symbols) const;

  Vocabulary vocabulary_;
  std::array<int32_t, 256> id_of_byte_;  // -1: no token
  std::unordered_map<uint64_t, Merge> merges_;
  bool ignore_merges_ = false;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_BPE_H_
