// SPDX-License-Identifier: Apache-2.0
#include "common/config/proto_time.h"

#include <gtest/gtest.h>

namespace cohort::common {
namespace {

TEST(ProtoTimeTest, DurationsComeBackExactly) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), -absl::Milliseconds(1500), absl::Hours(24 * 365 * 100),
        absl::InfiniteDuration(), -absl::InfiniteDuration()}) {
    EXPECT_EQ(FromProtoDuration(ToProtoDuration(duration)), duration);
  }
}

TEST(ProtoTimeTest, NegativeDurationHasPartsOfOneSign) {
  const google::protobuf::Duration proto = ToProtoDuration(-absl::Milliseconds(1500));
  EXPECT_EQ(proto.seconds(), -1);
  EXPECT_EQ(proto.nanos(), -500'000'000);
}

TEST(ProtoTimeTest, TimesComeBackExactly) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::FromUnixNanos(1767225600123456789), absl::UnixEpoch() - absl::Milliseconds(1),
        absl::InfiniteFuture(), absl::InfinitePast()}) {
    EXPECT_EQ(FromProtoTimestamp(ToProtoTimestamp(time)), time);
    EXPECT_GE(ToProtoTimestamp(time).nanos(), 0);
  }
}

TEST(ProtoTimeTest, RangeIsFromZeroToTheYear9999) {
  google::protobuf::Timestamp time;
  EXPECT_TRUE(IsInRange(time));
  time.set_seconds(253402300799);
  time.set_nanos(999999999);
  EXPECT_TRUE(IsInRange(time));
  time.set_nanos(1000000000);
  EXPECT_FALSE(IsInRange(time));
  time.set_nanos(-1);
  EXPECT_FALSE(IsInRange(time));
  google::protobuf::Duration duration;
  duration.set_seconds(-1);
  EXPECT_FALSE(IsInRange(duration));
  duration.set_seconds(253402300800);
  EXPECT_FALSE(IsInRange(duration));
}

}  // namespace
}  // namespace cohort::common
