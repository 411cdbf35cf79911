// SPDX-License-Identifier: Apache-2.0
#include "common/security/security_flags.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>

namespace cohort::security {
namespace {

class SecurityFlagsTest : public ::testing::Test {
 protected:
  ~SecurityFlagsTest() override { unsetenv("COHORT_TOKEN_FILE"); }

  ClientSecurityFiles Parse(bool reads_environment, std::vector<std::string> arguments) {
    ClientSecurityFiles files;
    CLI::App app;
    AddClientSecurityFlags(&app, &files, reads_environment);
    app.parse(std::move(arguments));
    return files;
  }
};

TEST_F(SecurityFlagsTest, ServerFlagsAreTaken) {
  ServerSecurityFiles files;
  CLI::App app;
  AddServerSecurityFlags(&app, &files);
  // In reverse, as CLI11 wants a vector.
  app.parse(std::vector<std::string>{"--tokens=d", "--tls_client_ca=c", "--tls_key=b", "--tls_certificate=a"});
  EXPECT_EQ(files.certificate, "a");
  EXPECT_EQ(files.key, "b");
  EXPECT_EQ(files.client_authorities, "c");
  EXPECT_EQ(files.tokens, "d");
}

TEST_F(SecurityFlagsTest, ClientFlagsAreTaken) {
  const auto files = Parse(/*reads_environment=*/false,
                           {"--token_file=d", "--tls_client_key=c", "--tls_client_certificate=b", "--tls_ca=a"});
  EXPECT_EQ(files.authorities, "a");
  EXPECT_EQ(files.certificate, "b");
  EXPECT_EQ(files.key, "c");
  EXPECT_EQ(files.token, "d");
}

TEST_F(SecurityFlagsTest, TheEnvironmentIsReadWhereAskedForAndTheFlagWins) {
  setenv("COHORT_TOKEN_FILE", "from the environment", /*overwrite=*/1);
  EXPECT_EQ(Parse(/*reads_environment=*/true, {}).token, "from the environment");
  EXPECT_EQ(Parse(/*reads_environment=*/true, {"--token_file=flag"}).token, "flag");
  EXPECT_EQ(Parse(/*reads_environment=*/false, {}).token, "");
}

}  // namespace
}  // namespace cohort::security
