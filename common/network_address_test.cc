// SPDX-License-Identifier: Apache-2.0
#include "common/network_address.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

TEST(NetworkAddressTest, ParsesAndJoinsBack) {
  for (const char* text : {"127.0.0.1:0", "node-3.example:65535", "[::1]:80"}) {
    ASSERT_OK_AND_ASSIGN(const NetworkAddress address, ParseAddress(text));
    EXPECT_EQ(JoinAddress(address), text);
  }
  ASSERT_OK_AND_ASSIGN(const NetworkAddress address, ParseAddress("[::1]:80"));
  EXPECT_EQ(address.host, "::1");
  EXPECT_EQ(address.port, 80);
}

TEST(NetworkAddressTest, NamesWhatIsNotAnAddress) {
  for (const char* text : {"localhost", "localhost:", "localhost:http", "localhost:65536", "localhost:-1", "h: 80",
                           "h:+80", ":80", "::1:80", "[]:80", "", "[::1]80"}) {
    EXPECT_THAT(ParseAddress(text), StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr(text))) << text;
  }
}

TEST(NetworkAddressTest, LoopbackIsWhatOnlyThisMachineCanBe) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(IsLoopback({.host = host})) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "localhost.example.com",
                           "127.0.0.1.example.com", "127.1", ""}) {
    EXPECT_FALSE(IsLoopback({.host = host})) << host;
  }
}

}  // namespace
}  // namespace cohort::common
