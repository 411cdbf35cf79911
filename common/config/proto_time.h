// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_PROTO_TIME_H_
#define COHORT_COMMON_CONFIG_PROTO_TIME_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace cohort::common {

// Durations and times between Abseil and proto, exact to the nanosecond. Infinite ones become the largest seconds that
// int64 holds, and come back as infinite.
google::protobuf::Duration ToProtoDuration(absl::Duration duration);
absl::Duration FromProtoDuration(const google::protobuf::Duration& duration);
google::protobuf::Timestamp ToProtoTimestamp(absl::Time time);
absl::Time FromProtoTimestamp(const google::protobuf::Timestamp& timestamp);

// Whether what another process said can be: from 0 to the end of the year 9999, with less than a second of nanoseconds.
bool IsInRange(const google::protobuf::Duration& duration);
bool IsInRange(const google::protobuf::Timestamp& timestamp);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_PROTO_TIME_H_
