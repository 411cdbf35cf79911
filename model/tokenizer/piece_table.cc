// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/piece_table.h"

namespace cohort::model {

PieceTable::PieceTable(size_t num_pieces) {
  size_t num_slots = 16;
  while (num_slots < 2 * num_pieces) num_slots *= 2;
  slots_.resize(num_slots);
  mask_ = num_slots - 1;
}

void PieceTable::Insert(std::string_view piece, int32_t id) {
  Entry entry{.key = Key(piece), .size = static_cast<uint32_t>(piece.size()), .id = id};
  if (piece.size() > kKeyBytes) {
    entry.text = texts_.size();
    texts_ += piece;
  }
  size_t at = Slot(entry.key, entry.size);
  while (slots_[at].size != 0) at = (at + 1) & mask_;
  slots_[at] = entry;
}

}  // namespace cohort::model
