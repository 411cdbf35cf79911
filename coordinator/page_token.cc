// SPDX-License-Identifier: Apache-2.0
#include "coordinator/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"

namespace cohort::coordinator {

std::string EncodePageToken(std::string_view query, int64_t position) {
  return absl::WebSafeBase64Escape(absl::StrCat(position, "\n", std::string(query)));
}

absl::StatusOr<int64_t> DecodePageToken(std::string_view query, std::string_view token) {
  std::string text;
  int64_t position = 0;
  const bool is_ours = absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &text) &&
                       text.find('\n') != std::string::npos &&
                       absl::SimpleAtoi(text.substr(0, text.find('\n')), &position) && position > 0;
  if (!is_ours) return common::InvalidField("page_token", token, "is not a token of this service");
  if (text.substr(text.find('\n') + 1) != query) {
    return common::InvalidField("page_token", token, "belongs to a list with another parent or state");
  }
  return position;
}

}  // namespace cohort::coordinator
