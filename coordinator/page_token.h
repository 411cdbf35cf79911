// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PAGE_TOKEN_H_
#define COHORT_COORDINATOR_PAGE_TOKEN_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::coordinator {

// Opaque tokens of lists. A token is bound to the question that it continues (`query`: parent, filter, order). Pure
// functions.
std::string EncodePageToken(std::string_view query, int64_t position);

// INVALID_ARGUMENT names the field page_token when it is none of ours or belongs to another query.
absl::StatusOr<int64_t> DecodePageToken(std::string_view query, std::string_view token);

// The same for lists whose place is a text.
std::string EncodeTextPageToken(std::string_view query, std::string_view position);
absl::StatusOr<std::string> DecodeTextPageToken(std::string_view query, std::string_view token);

// The question of a list request, in a few bytes: `request` without its page_size and page_token.
std::string PageQuery(const google::protobuf::Message& request);

// Entries of a page: `by_default` for 0, never more than `largest`. INVALID_ARGUMENT names page_size when it is
// negative.
absl::StatusOr<int> PageSize(int32_t page_size, int by_default, int largest);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PAGE_TOKEN_H_
