// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/merge_table.h"

namespace cohort::model {

MergeTable::MergeTable(size_t num_merges) {
  size_t num_slots = 16;
  while (num_slots < 2 * num_merges) num_slots *= 2;
  slots_.resize(num_slots);
  mask_ = num_slots - 1;
}

bool MergeTable::Insert(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = Key(left, right);
  size_t slot = Hash(key) & mask_;
  while (slots_[slot].key != kEmpty) {
    if (slots_[slot].key == key) return false;
    slot = (slot + 1) & mask_;
  }
  slots_[slot] = {key, merge};
  return true;
}

}  // namespace cohort::model
