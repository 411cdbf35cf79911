// SPDX-License-Identifier: Apache-2.0
#include "coordinator/open_watches.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::StartsWith;

absl::Status Done() { return absl::OkStatus(); }

TEST(OpenWatchesTest, OneCallerMayNotHaveMoreThanItsShareAndOthersStillMay) {
  prometheus::Gauge gauge;
  OpenWatches watches({.max_open = 0, .max_open_per_caller = 2}, &gauge);
  const auto as_third = [&] {
    EXPECT_EQ(gauge.Value(), 2);
    EXPECT_OK(watches.Run("b", Done));
    return watches.Run("a", Done);
  };
  EXPECT_THAT(watches.Run("a", [&] { return watches.Run("a", as_third); }),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("max_watches_per_caller: ")));
  EXPECT_EQ(gauge.Value(), 0);
  EXPECT_OK(watches.Run("a", Done)) << "what has ended counts no more";
}

TEST(OpenWatchesTest, AllCallersTogetherHaveALimit) {
  prometheus::Gauge gauge;
  OpenWatches watches({.max_open = 1, .max_open_per_caller = 0}, &gauge);
  EXPECT_THAT(watches.Run("a", [&] { return watches.Run("b", Done); }),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("max_watches: ")));
}

TEST(OpenWatchesTest, RefusalNamesTheFlagOfTheKind) {
  prometheus::Gauge gauge;
  OpenWatches downloads({.max_open = 1, .max_open_per_caller = 1, .kind = "downloads"}, &gauge);
  EXPECT_THAT(downloads.Run("a", [&] { return downloads.Run("a", Done); }),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("max_downloads_per_caller: ")));
  EXPECT_THAT(downloads.Run("a", [&] { return downloads.Run("b", Done); }),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("max_downloads: ")));
}

TEST(OpenWatchesTest, WithoutLimitsAnyNumberIsTaken) {
  prometheus::Gauge gauge;
  OpenWatches watches({.max_open = 0, .max_open_per_caller = 0}, &gauge);
  int depth = 0;
  const std::function<absl::Status()> deeper = [&] {
    return ++depth == 300 ? absl::OkStatus() : watches.Run("a", deeper);
  };
  EXPECT_OK(watches.Run("a", deeper));
  EXPECT_EQ(depth, 300);
}

TEST(OpenWatchesTest, StatusOfTheStreamIsGiven) {
  prometheus::Gauge gauge;
  OpenWatches watches({}, &gauge);
  EXPECT_THAT(watches.Run("a", [] { return absl::NotFoundError("no job"); }), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(gauge.Value(), 0);
}

TEST(OpenWatchesTest, WatcherIsTheTokenElseTheHost) {
  EXPECT_EQ(WatcherOf("", "ipv4:10.0.0.7:4711"), WatcherOf("", "ipv4:10.0.0.7:4712")) << "connections of one host";
  EXPECT_NE(WatcherOf("", "ipv4:10.0.0.7:4711"), WatcherOf("", "ipv4:10.0.0.8:4711"));
  EXPECT_EQ(WatcherOf("", "ipv6:%5B::1%5D:4711"), "ipv6:%5B::1%5D");
  EXPECT_EQ(WatcherOf("", "unix:"), "unix:");
  EXPECT_EQ(WatcherOf("0123", "ipv4:10.0.0.7:1"), WatcherOf("0123", "ipv4:10.0.0.8:1")) << "one token on two hosts";
}

}  // namespace
}  // namespace cohort::coordinator
