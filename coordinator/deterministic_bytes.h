// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DETERMINISTIC_BYTES_H_
#define COHORT_COORDINATOR_DETERMINISTIC_BYTES_H_

#include <google/protobuf/message.h>

#include <string>

namespace cohort::coordinator {

// Serialization with sorted maps: equal messages give equal bytes within one build, so that they can be hashed.
std::string DeterministicBytes(const google::protobuf::Message& message);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DETERMINISTIC_BYTES_H_
