// SPDX-License-Identifier: Apache-2.0
// Against the real messages of gRPC: //common/security:tls_test.
#include "common/connect_error.h"

#include <gtest/gtest.h>

namespace cohort::common {
namespace {

TEST(ConnectErrorTest, DisagreementAboutTlsIsASentence) {
  EXPECT_EQ(
      ExplainConnectError("failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:4: Tls handshake "
                          "failed: SSL_ERROR_SSL: error:0A00010B:SSL routines::wrong version number"),
      "cannot connect: the server does not speak TLS (UNKNOWN: ipv4:127.0.0.1:4: Tls handshake failed: "
      "SSL_ERROR_SSL: error:0A00010B:SSL routines::wrong version number)");
}

TEST(ConnectErrorTest, OtherMessagesStayAsTheyAre) {
  for (const char* message : {"", "Socket closed", "the job has ended: certificate verify failed",
                              "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:4: Failed to "
                              "connect to remote host: Connection refused",
                              "failed to connect to all addresses"}) {
    EXPECT_EQ(ExplainConnectError(message), message);
  }
}

}  // namespace
}  // namespace cohort::common
