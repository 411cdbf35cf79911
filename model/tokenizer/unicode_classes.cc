// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/unicode_classes.h"

#include <cstdlib>
#include <vector>

#include "model/tokenizer/unicode_ranges.h"

namespace cohort::model {
namespace {

constexpr size_t kNumCodePoints = 0x110000;

// Sets `bits` on the ranges of `text`, which is generated.
void Mark(const char* text, uint8_t bits, std::vector<uint8_t>* table) {
  while (*text != '\0') {
    char* end = nullptr;
    const size_t first = std::strtoul(text, &end, 16);
    const size_t last = *end == '-' ? std::strtoul(end + 1, &end, 16) : first;
    for (size_t code_point = first; code_point <= last; ++code_point) (*table)[code_point] |= bits;
    text = end + 1;
  }
}

std::vector<uint8_t>* NewTable() {
  auto* table = new std::vector<uint8_t>(kNumCodePoints);
  Mark(kLetterRanges, kLetter | kWord, table);
  Mark(kNumberRanges, kNumber, table);
  Mark(kSpaceRanges, kSpace, table);
  Mark("A D ", kNewline, table);
  Mark(kOtherWordRanges, kWord, table);
  Mark(kNewerMarkRanges, kNewerMark, table);
  return table;
}

}  // namespace

const uint8_t* UnicodeClassTable() {
  static const std::vector<uint8_t>* const table = NewTable();
  return table->data();
}

}  // namespace cohort::model
