// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TOKEN_TEXTS_H_
#define COHORT_MODEL_TOKENIZER_TOKEN_TEXTS_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::model {

// The bytes that each id stands for, one behind the other in memory. An id without a token stands for U+FFFD. Ids must
// not be negative. Thread-safe once filled.
class TokenTexts final {
 public:
  // Ids from 0 to `num_ids` - 1.
  explicit TokenTexts(size_t num_ids);

  // `id` < num_ids(); a second text for one id replaces the first.
  void Set(int32_t id, std::string_view bytes, bool is_special);

  size_t num_ids() const { return entries_.size() - 1; }
  std::string_view Bytes(int32_t id) const;
  bool IsSpecial(int32_t id) const { return EntryOf(id).is_special != 0; }

  // The bytes of all ids; special tokens are left out unless `keep_special`.
  std::string Join(const std::vector<int32_t>& ids, bool keep_special) const;

 private:
  struct Entry {
    uint32_t start;
    uint32_t size : 31;
    uint32_t is_special : 1;
  };

  // The last entry stands for all unknown ids.
  const Entry& EntryOf(int32_t id) const {
    const auto index = static_cast<size_t>(id);
    return index < entries_.size() ? entries_[index] : entries_.back();
  }

  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TOKEN_TEXTS_H_
