// SPDX-License-Identifier: Apache-2.0
#include "coordinator/page_token.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;

TEST(PageTokenTest, TokenGivesItsPositionBackForTheSameQueryOnly) {
  const std::string token = EncodePageToken("default 0", 17);
  EXPECT_THAT(DecodePageToken("default 0", token), common::IsOkAndHolds(17));
  EXPECT_THAT(DecodePageToken("other 0", token), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DecodePageToken("default 2", token), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PageTokenTest, ForeignTokensAreRefused) {
  for (const char* token : {"x", "????", "MTc", "LTEKZGVmYXVsdCAw"}) {
    EXPECT_THAT(DecodePageToken("default 0", token), StatusIs(absl::StatusCode::kInvalidArgument)) << token;
  }
}

}  // namespace
}  // namespace cohort::coordinator
