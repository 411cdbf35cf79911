// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_REFERENCE_JOB_SCHEMA_H_
#define COHORT_CLI_REFERENCE_JOB_SCHEMA_H_

#include <google/protobuf/descriptor.h>

#include <string>

namespace cohort::cli {

// JSON Schema (draft 2020-12) of what YamlToProto (common/config/yaml_to_proto.h) takes for `root`: its field names,
// the short names of enums, at most one of a oneof, durations as text, nothing unknown. What JSON Schema cannot tell
// apart (1e3 from 1000, quoted numbers of a text) is allowed. Descriptions are the comments. Ends in a newline. Pure.
std::string JobSchema(const google::protobuf::Descriptor& root);

}  // namespace cohort::cli

#endif  // COHORT_CLI_REFERENCE_JOB_SCHEMA_H_
