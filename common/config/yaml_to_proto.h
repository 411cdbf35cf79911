// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_YAML_TO_PROTO_H_
#define COHORT_COMMON_CONFIG_YAML_TO_PROTO_H_

#include <string_view>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}

namespace cohort::common {

// Replaces `message` by what the YAML text says; keys are proto field names. Strict: an unknown field, a duplicate key,
// a missing value, a value of the wrong type or two members of one oneof are INVALID_ARGUMENT with file, line, field
// path and value, and leave the message empty. Enums are written by value name without the type prefix, in lower case
// ("token_mean"); durations as "5s", "200ms"; times in RFC 3339; bytes in base64; maps as mappings. No aliases, no
// tags.
absl::Status YamlToProto(std::string_view yaml, std::string_view file_name, google::protobuf::Message* message);

// The same from a file; NOT_FOUND names it.
absl::Status YamlFileToProto(std::string_view path, google::protobuf::Message* message);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_YAML_TO_PROTO_H_
