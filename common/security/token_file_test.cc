// SPDX-License-Identifier: Apache-2.0
#include "common/security/token_file.h"

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToken[] = "SecretSecretSecretSecretSecret01";

TEST(TokenFileTest, LinesBecomeCallersAndDigests) {
  ASSERT_OK_AND_ASSIGN(const auto entries, ParseTokenFile("# tokens\n"
                                                          "SecretSecretSecretSecretSecret01 admin\r\n"
                                                          "\n"
                                                          "\tSecretSecretSecretSecretSecret02\tsubmitter  b,a # team\n"
                                                          "SecretSecretSecretSecretSecret03 viewer *\n"
                                                          "SecretSecretSecretSecretSecret04 worker"));
  ASSERT_EQ(entries.size(), 4);
  EXPECT_EQ(entries[0].sha256, common::Sha256Of(kToken));
  EXPECT_EQ(entries[0].caller.role, Role::kAdmin);
  EXPECT_EQ(entries[0].caller.identity.size(), 16u);
  EXPECT_NE(entries[0].caller.identity, entries[1].caller.identity);
  EXPECT_TRUE(entries[0].caller.MaySee("anything"));
  EXPECT_EQ(entries[1].caller.role, Role::kSubmitter);
  EXPECT_THAT(entries[1].caller.namespaces, ElementsAre("a", "b"));
  EXPECT_TRUE(entries[1].caller.MaySee("a"));
  EXPECT_FALSE(entries[1].caller.MaySee("c"));
  EXPECT_EQ(entries[2].caller.role, Role::kViewer);
  EXPECT_TRUE(entries[2].caller.MaySee("c"));
  EXPECT_EQ(entries[3].caller.role, Role::kWorker);
}

TEST(TokenFileTest, WhatIsWrongIsNamedByLineAndNeverShowsTheToken) {
  struct Case {
    std::string line;
    std::string complaint;
  };
  const std::vector<Case> cases = {
      {kToken, "needs a token and a role"},
      {absl::StrCat("admin ", kToken), "role: must be"},
      {absl::StrCat(kToken, " root"), "role: must be"},
      {absl::StrCat(kToken, " Admin"), "role: must be"},
      {absl::StrCat(kToken, " viewer"), "namespaces: a token of role viewer needs them"},
      {absl::StrCat(kToken, " submitter a b"), "namespaces: a token of role submitter needs them"},
      {absl::StrCat(kToken, " submitter a,"), "namespaces: must match"},
      {absl::StrCat(kToken, " viewer A"), "namespaces: must match"},
      {absl::StrCat(kToken, " viewer *,a"), "namespaces: must match"},
      {absl::StrCat(kToken, " viewer -"), "namespaces: must match"},
      {absl::StrCat(kToken, " admin *"), "namespaces: a token of role admin has none"},
      {absl::StrCat(kToken, " worker a"), "namespaces: a token of role worker has none"},
      {"Secret admin", "too short"},
      {absl::StrCat(kToken, "! admin"), "character"},
      {absl::StrCat("other-", kToken, " admin\nother-", kToken, " worker"), "line 3: token: is in the file twice"},
  };
  for (const Case& test : cases) {
    EXPECT_THAT(ParseTokenFile("# head\n" + test.line + "\n"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("line "), HasSubstr(test.complaint), Not(HasSubstr("Secret")))))
        << test.line;
  }
}

TEST(TokenFileTest, AFileWithoutTokensOrWithTooManyIsRefused) {
  EXPECT_THAT(ParseTokenFile(""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no token")));
  EXPECT_THAT(ParseTokenFile("# nobody\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no token")));
  std::string many;
  for (int i = 0; i < 1001; ++i) absl::StrAppend(&many, kToken, i, " admin\n");
  EXPECT_THAT(ParseTokenFile(many), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 1000")));
}

}  // namespace
}  // namespace cohort::security
