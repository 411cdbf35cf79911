// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/tokenizer/unicode_classes.h"
#include "model/tokenizer/utf8.h"

namespace cohort::model {
namespace {

// No character here changes under NFC or composes with one before it (nfc_test holds this against the library's data).
bool NeverChanges(uint32_t code_point) {
  const auto within = [&](uint32_t first, uint32_t last) { return code_point >= first && code_point <= last; };
  return code_point < 0x300 || within(0x400, 0x482) || within(0x2010, 0x205E) || within(0x3001, 0x3029) ||
         within(0x3041, 0x3096) || within(0x30A1, 0x30FA) || within(0x4E00, 0x9FFF) || within(0xAC00, 0xD7A3) ||
         within(0xFF01, 0xFF60);
}

bool NeverChanges(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Character character = Utf8CharacterAt(text, at);
    if (!NeverChanges(character.code_point)) return false;
    at += character.size;
  }
  return true;
}

absl::Status LibraryError(utf8proc_ssize_t code) {
  return absl::ResourceExhaustedError(absl::StrCat("text cannot be normalized: ", utf8proc_errmsg(code)));
}

absl::Status AppendDecomposed(uint32_t code_point, std::vector<utf8proc_int32_t>* code_points) {
  utf8proc_int32_t parts[32];
  int last_boundclass = UTF8PROC_BOUNDCLASS_START;
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), parts, 32,
                              static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &last_boundclass);
  if (count < 0 || count > 32) return LibraryError(count < 0 ? count : UTF8PROC_ERROR_OVERFLOW);
  code_points->insert(code_points->end(), parts, parts + count);
  return absl::OkStatus();
}

int CombiningClass(utf8proc_int32_t code_point) { return utf8proc_get_property(code_point)->combining_class; }

// Marks between two other characters go by class. The library would sort them in quadratic time.
void OrderMarks(std::vector<utf8proc_int32_t>* code_points) {
  auto start = code_points->begin();
  const auto is_mark = [](utf8proc_int32_t code_point) { return CombiningClass(code_point) != 0; };
  while ((start = std::find_if(start, code_points->end(), is_mark)) != code_points->end()) {
    const auto end = std::find_if_not(start, code_points->end(), is_mark);
    if (end - start > 1) {
      std::stable_sort(start, end,
                       [](utf8proc_int32_t a, utf8proc_int32_t b) { return CombiningClass(a) < CombiningClass(b); });
    }
    start = end;
  }
}

// Composes the decomposed characters, appends them and empties the list.
absl::Status FlushComposed(std::vector<utf8proc_int32_t>* code_points, std::string* text) {
  if (code_points->empty()) return absl::OkStatus();
  OrderMarks(code_points);
  const utf8proc_ssize_t count =
      utf8proc_normalize_utf32(code_points->data(), static_cast<utf8proc_ssize_t>(code_points->size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (count < 0) return LibraryError(count);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    common::AppendUtf8(static_cast<uint32_t>((*code_points)[i]), text);
  }
  code_points->clear();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string_view> ToNfc(std::string_view text, std::string* storage) {
  if (NeverChanges(text)) return text;
  const uint8_t* bits_of_code_point = UnicodeClassTable();
  storage->clear();
  storage->reserve(text.size());
  std::vector<utf8proc_int32_t> code_points;
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Character character = Utf8CharacterAt(text, at);
    if ((bits_of_code_point[character.code_point] & kNewerMark) != 0) {
      COHORT_RETURN_IF_ERROR(FlushComposed(&code_points, storage));
      storage->append(text.substr(at, character.size));
    } else {
      COHORT_RETURN_IF_ERROR(AppendDecomposed(character.code_point, &code_points));
    }
    at += character.size;
  }
  COHORT_RETURN_IF_ERROR(FlushComposed(&code_points, storage));
  return std::string_view(*storage);
}

}  // namespace cohort::model
