// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_REFERENCE_JOB_REFERENCE_H_
#define COHORT_CLI_REFERENCE_JOB_REFERENCE_H_

#include <google/protobuf/descriptor.h>

#include <string>

namespace cohort::cli {

// docs/configuration.md: every field of `root` and of the messages below it, by message, with type, default and
// meaning, from the comments in proto/. Pure.
std::string JobReference(const google::protobuf::Descriptor& root);

}  // namespace cohort::cli

#endif  // COHORT_CLI_REFERENCE_JOB_REFERENCE_H_
