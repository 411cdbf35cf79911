// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_PROTO_TO_YAML_H_
#define COHORT_CLI_PROTO_TO_YAML_H_

#include <string>

namespace google::protobuf {
class Message;
}

namespace cohort::cli {

// A message in the dialect that common/config/yaml_to_proto.h reads: proto field names, enum values in lower case
// without their type's prefix, durations as "1.5s", timestamps as RFC 3339. Unset fields are left out.
std::string ProtoToYaml(const google::protobuf::Message& message);

}  // namespace cohort::cli

#endif  // COHORT_CLI_PROTO_TO_YAML_H_
