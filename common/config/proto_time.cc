// SPDX-License-Identifier: Apache-2.0
#include "common/config/proto_time.h"

#include <cstdint>
#include <limits>

namespace cohort::common {
namespace {

constexpr int64_t kMaxSeconds = 253402300799;  // the end of the year 9999
constexpr int32_t kMaxNanos = 999'999'999;

bool IsInRange(int64_t seconds, int32_t nanos) {
  return seconds >= 0 && seconds <= kMaxSeconds && nanos >= 0 && nanos <= kMaxNanos;
}

}  // namespace

google::protobuf::Duration ToProtoDuration(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  const bool is_infinite = absl::AbsDuration(duration) == absl::InfiniteDuration();
  if (!is_infinite) proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

absl::Duration FromProtoDuration(const google::protobuf::Duration& duration) {
  constexpr int64_t kInfinite = std::numeric_limits<int64_t>::max();
  if (duration.seconds() == kInfinite) return absl::InfiniteDuration();
  if (duration.seconds() == -kInfinite - 1) return -absl::InfiniteDuration();
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

google::protobuf::Timestamp ToProtoTimestamp(absl::Time time) {
  const google::protobuf::Duration since_epoch = ToProtoDuration(time - absl::UnixEpoch());
  google::protobuf::Timestamp proto;
  const bool is_before_second = since_epoch.nanos() < 0;  // the nanoseconds of a time count forward
  proto.set_seconds(since_epoch.seconds() - (is_before_second ? 1 : 0));
  proto.set_nanos(since_epoch.nanos() + (is_before_second ? 1'000'000'000 : 0));
  return proto;
}

absl::Time FromProtoTimestamp(const google::protobuf::Timestamp& timestamp) {
  google::protobuf::Duration since_epoch;
  since_epoch.set_seconds(timestamp.seconds());
  since_epoch.set_nanos(timestamp.nanos());
  return absl::UnixEpoch() + FromProtoDuration(since_epoch);
}

bool IsInRange(const google::protobuf::Duration& duration) { return IsInRange(duration.seconds(), duration.nanos()); }

bool IsInRange(const google::protobuf::Timestamp& timestamp) {
  return IsInRange(timestamp.seconds(), timestamp.nanos());
}

}  // namespace cohort::common
