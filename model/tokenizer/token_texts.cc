// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/token_texts.h"

#include <cstring>

namespace cohort::model {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD
// Most tokens are shorter than this, and copying a fixed number of bytes is one instruction.
constexpr size_t kCopiedAtOnce = 16;

}  // namespace

TokenTexts::TokenTexts(size_t num_ids) : bytes_(kReplacementCharacter) {
  bytes_.append(kCopiedAtOnce, '\0');
  entries_.assign(num_ids + 1, Entry{0, static_cast<uint32_t>(kReplacementCharacter.size()), 0});
}

void TokenTexts::Set(int32_t id, std::string_view bytes, bool is_special) {
  const size_t start = bytes_.size() - kCopiedAtOnce;  // what can be read behind the last text
  entries_[id] = {static_cast<uint32_t>(start), static_cast<uint32_t>(bytes.size()), is_special ? 1u : 0u};
  bytes_.resize(start);
  bytes_ += bytes;
  bytes_.append(kCopiedAtOnce, '\0');
}

std::string_view TokenTexts::Bytes(int32_t id) const {
  const Entry& entry = EntryOf(id);
  return {bytes_.data() + entry.start, entry.size};
}

std::string TokenTexts::Join(const std::vector<int32_t>& ids, bool keep_special) const {
  const uint32_t left_out = keep_special ? 0 : 1;
  size_t size = 0;
  for (const int32_t id : ids) {
    const Entry& entry = EntryOf(id);
    if ((entry.is_special & left_out) == 0) size += entry.size;
  }
  std::string text(size + kCopiedAtOnce, '\0');
  char* end = text.data();
  for (const int32_t id : ids) {
    const Entry& entry = EntryOf(id);
    if ((entry.is_special & left_out) != 0) continue;
    const char* bytes = bytes_.data() + entry.start;
    std::memcpy(end, bytes, kCopiedAtOnce);
    if (entry.size > kCopiedAtOnce) std::memcpy(end, bytes, entry.size);
    end += entry.size;
  }
  text.resize(size);
  return text;
}

}  // namespace cohort::model
