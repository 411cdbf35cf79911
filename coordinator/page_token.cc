// SPDX-License-Identifier: Apache-2.0
#include "coordinator/page_token.h"

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/deterministic_bytes.h"

namespace cohort::coordinator {
namespace {

// Of the digest: enough that no two questions of a caller meet by chance.
constexpr size_t kQueryBytes = 12;

absl::Status NotOurs(std::string_view token) {
  return common::InvalidField("page_token", token, "is not a token of this service");
}

}  // namespace

std::string EncodePageToken(std::string_view query, int64_t position) {
  return EncodeTextPageToken(query, absl::StrCat(position));
}

absl::StatusOr<int64_t> DecodePageToken(std::string_view query, std::string_view token) {
  COHORT_ASSIGN_OR_RETURN(const std::string text, DecodeTextPageToken(query, token));
  int64_t position = 0;
  if (!absl::SimpleAtoi(text, &position) || position <= 0) return NotOurs(token);
  return position;
}

std::string EncodeTextPageToken(std::string_view query, std::string_view position) {
  return absl::WebSafeBase64Escape(absl::StrCat(std::string(position), "\n", std::string(query)));
}

absl::StatusOr<std::string> DecodeTextPageToken(std::string_view query, std::string_view token) {
  std::string text;
  if (!absl::WebSafeBase64Unescape(absl::string_view(token.data(), token.size()), &text)) return NotOurs(token);
  // The query has no line end, the position may have some.
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return NotOurs(token);
  if (text.substr(end + 1) != query) {
    return common::InvalidField("page_token", token, "belongs to a list with another parent, filter or order");
  }
  return text.substr(0, end);
}

std::string PageQuery(const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> question(request.New());
  question->CopyFrom(request);
  for (const char* field : {"page_size", "page_token"}) {
    question->GetReflection()->ClearField(question.get(), question->GetDescriptor()->FindFieldByName(field));
  }
  const std::string digest = common::Sha256Of(question->GetDescriptor()->name() + DeterministicBytes(*question));
  return common::HexOf(digest.substr(0, kQueryBytes));
}

absl::StatusOr<int> PageSize(int32_t page_size, int by_default, int largest) {
  if (page_size < 0) return common::InvalidField("page_size", absl::StrCat(page_size), "must not be negative");
  return page_size == 0 ? by_default : std::min(page_size, largest);
}

}  // namespace cohort::coordinator
