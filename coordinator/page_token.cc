// SPDX-License-Identifier: Apache-2.0
#include "coordinator/page_token.h"

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "coordinator/deterministic_bytes.h"

namespace cohort::coordinator {
namespace {

// Of the digest: enough that no two questions of a caller meet by chance.
constexpr size_t kQueryBytes = 12;

}  // namespace

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
    return common::InvalidField("page_token", token, "belongs to a list with another parent or filter");
  }
  return position;
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
