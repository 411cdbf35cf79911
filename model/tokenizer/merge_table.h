// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_MERGE_TABLE_H_
#define COHORT_MODEL_TOKENIZER_MERGE_TABLE_H_

// Torch-free.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cohort::model {

// What two neighbouring tokens merge into, and how early: an open-addressing hash table, since it is asked for every
// pair of bytes that is tokenized. Ids are not negative. Thread-safe once filled.
class MergeTable final {
 public:
  struct Merge {
    int32_t rank;  // lower goes first
    int32_t id;    // of the merged token
  };

  explicit MergeTable(size_t num_merges);

  // False when the pair is there already. At most `num_merges` pairs.
  bool Insert(int32_t left, int32_t right, Merge merge);

  // Null when the two do not merge.
  const Merge* Find(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    for (size_t slot = Hash(key) & mask_; slots_[slot].key != kEmpty; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return &slots_[slot].merge;
    }
    return nullptr;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{};
  };

  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static size_t Hash(uint64_t key) {
    const uint64_t mixed = (key ^ key >> 32) * 0x9E3779B97F4A7C15;
    return static_cast<size_t>(mixed >> 32);
  }

  std::vector<Slot> slots_;
  size_t mask_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_MERGE_TABLE_H_
