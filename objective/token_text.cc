// SPDX-License-Identifier: Apache-2.0
#include "objective/token_text.h"

#include <algorithm>

#include "common/utf8.h"

namespace cohort::objective {

TokenText JoinTokens(std::span<const std::string> token_texts) {
  TokenText joined;
  for (const std::string& piece : token_texts) {
    joined.begins.push_back(joined.text.size());
    joined.text += piece;
  }
  joined.begins.push_back(joined.text.size());

  joined.char_begins.push_back(0);
  size_t next = 0;  // first byte of the first character that is not complete at the token's end
  for (size_t token = 0; token < token_texts.size(); ++token) {
    const size_t end = joined.begins[token + 1];
    while (next < end) {
      const std::string_view rest = std::string_view(joined.text).substr(next);
      const size_t length = std::max<size_t>(1, common::LeadingUtf8Character(rest.substr(0, 4)));
      if (next + length > end) break;
      next += length;
    }
    joined.char_begins.push_back(next);
  }
  return joined;
}

}  // namespace cohort::objective
