// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_PROTO_TO_YAML_H_
#define COHORT_COMMON_CONFIG_PROTO_TO_YAML_H_

#include <string>

namespace google::protobuf {
class Message;
}

namespace cohort::common {

// The inverse of YamlToProto: set fields only, in the order in which the .proto declares them, map entries by key.
// Reads back to an equal message, provided its numbers are finite. An empty message is "{}\n".
std::string ProtoToYaml(const google::protobuf::Message& message);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_PROTO_TO_YAML_H_
