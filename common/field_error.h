// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_FIELD_ERROR_H_
#define COHORT_COMMON_FIELD_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cohort::common {

// INVALID_ARGUMENT for one field of a job file or request: "<field>: <why> (<value>)". The field path and the sentence
// travel as google.rpc.BadRequest when the status crosses gRPC (grpc_status.h). `value` may be empty.
absl::Status InvalidField(std::string_view field, std::string_view value, std::string_view why);

// The same status with `prefix` put before its field path ("rlvr.data" + ".jsonl.path"); other statuses get the prefix
// in front of their message. OK stays OK.
absl::Status PrefixField(const absl::Status& status, std::string_view prefix);

// The same status with "<prefix>: " in front of its message and the field path left alone: for a file name and line.
absl::Status PrefixMessage(const absl::Status& status, std::string_view prefix);

}  // namespace cohort::common

#endif  // COHORT_COMMON_FIELD_ERROR_H_
