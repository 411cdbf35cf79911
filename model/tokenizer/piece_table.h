// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_PIECE_TABLE_H_
#define COHORT_MODEL_TOKENIZER_PIECE_TABLE_H_

// Torch-free.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::model {

// Pieces of text that are one token: an open-addressing hash table in which a piece of up to 8 bytes is its own key, so
// that most words cost one look. Thread-safe once filled.
class PieceTable final {
 public:
  // `num_pieces`: the most that will be inserted.
  explicit PieceTable(size_t num_pieces);

  // `piece` must not be empty nor there already.
  void Insert(std::string_view piece, int32_t id);

  // -1 when there is none. `piece` must not be empty.
  int32_t Find(std::string_view piece) const {
    const uint64_t key = Key(piece);
    const auto size = static_cast<uint32_t>(piece.size());
    for (size_t at = Slot(key, size); slots_[at].size != 0; at = (at + 1) & mask_) {
      const Entry& entry = slots_[at];
      if (entry.key != key || entry.size != size) continue;
      if (size <= kKeyBytes || std::memcmp(texts_.data() + entry.text, piece.data(), size) == 0) return entry.id;
    }
    return -1;
  }

 private:
  static constexpr size_t kKeyBytes = 8;

  struct Entry {
    uint64_t key = 0;
    uint32_t size = 0;  // bytes; 0: free
    int32_t id = -1;
    uint64_t text = 0;  // of a longer piece: where it starts in texts_
  };

  // The bytes of a short piece, a hash of a longer one.
  static uint64_t Key(std::string_view piece) { return piece.size() <= kKeyBytes ? Pack(piece) : HashLong(piece); }
  static uint64_t Pack(std::string_view piece);
  static uint64_t HashLong(std::string_view piece);
  size_t Slot(uint64_t key, uint32_t size) const {
    const uint64_t mixed = (key ^ key >> 32 ^ size) * 0x9E3779B97F4A7C15;
    return static_cast<size_t>(mixed >> 32) & mask_;
  }

  std::vector<Entry> slots_;
  size_t mask_;
  std::string texts_;
};

// Reads that overlap instead of a loop over bytes.
inline uint64_t PieceTable::Pack(std::string_view piece) {
  const size_t size = piece.size();
  const char* bytes = piece.data();
  if (size >= 4) {
    uint32_t low, high;
    std::memcpy(&low, bytes, 4);
    std::memcpy(&high, bytes + size - 4, 4);
    return low | static_cast<uint64_t>(high) << 8 * (size - 4);
  }
  const auto byte = [&](size_t i) { return uint64_t{static_cast<unsigned char>(bytes[i])} << 8 * i; };
  return byte(0) | byte(size / 2) | byte(size - 1);
}

inline uint64_t PieceTable::HashLong(std::string_view piece) {
  uint64_t hash = piece.size();
  uint64_t word;
  const auto mix = [&](size_t at) {
    std::memcpy(&word, piece.data() + at, sizeof(word));
    hash = (hash ^ word) * 0xFF51AFD7ED558CCD;
    hash ^= hash >> 32;
  };
  for (size_t at = 0; at + sizeof(word) < piece.size(); at += sizeof(word)) mix(at);
  mix(piece.size() - sizeof(word));
  return hash;
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_PIECE_TABLE_H_
