// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOKEN_TEXT_H_
#define COHORT_OBJECTIVE_TOKEN_TEXT_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::objective {

// The bytes of a completion and which of its tokens wrote which. A plain value.
struct TokenText {
  std::string text;
  std::vector<size_t> begins;       // of each token's bytes; one more than tokens
  std::vector<size_t> char_begins;  // of the characters that each token completes; one more than tokens

  std::string_view BytesOf(size_t token) const {
    return std::string_view(text).substr(begins[token], begins[token + 1] - begins[token]);
  }
  std::string_view CharactersOf(size_t token) const {
    return std::string_view(text).substr(char_begins[token], char_begins[token + 1] - char_begins[token]);
  }
};

// A UTF-8 character that is split over tokens is completed by the token with its last byte; a byte that is part of no
// character stands for itself. Pure.
TokenText JoinTokens(std::span<const std::string> token_texts);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_TEXT_H_
