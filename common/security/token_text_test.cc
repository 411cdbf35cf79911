// SPDX-License-Identifier: Apache-2.0
#include "common/security/token_text.h"

#include <string>

#include "common/testing/status_matchers.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(TokenTextTest, HexOf128BitsAndBase64Of132BitsAreTokens) {
  EXPECT_OK(CheckTokenText("0123456789abcdef0123456789ABCDEF"));
  EXPECT_OK(CheckTokenText("abcdefghijklmnopqrstu+"));
  EXPECT_OK(CheckTokenText("abcdefghijklmnopqrst-_=="));
  EXPECT_OK(CheckTokenText(std::string(512, 'z')));
}

TEST(TokenTextTest, ShortTokensAreRefusedWithoutBeingShown) {
  for (const std::string token : {"", "====", "secret", "0123456789abcdef0123456789abcde", "ghijklmnopqrstuvwxyz1"}) {
    EXPECT_THAT(CheckTokenText(token), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("128 bits"))) << token;
  }
  EXPECT_THAT(CheckTokenText("ghijklmnopqrstuvwxyz1"),
              StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("ghij"))));
}

TEST(TokenTextTest, OtherCharactersAndLongTokensAreRefused) {
  for (const std::string bad : {" ", "\"", "\n", "\x01", "\xC3\xA9", "=x"}) {
    EXPECT_THAT(CheckTokenText("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz" + bad),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("character"), Not(HasSubstr("zzz")))));
  }
  EXPECT_THAT(CheckTokenText(std::string(513, 'z')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 512")));
}

}  // namespace
}  // namespace cohort::security
