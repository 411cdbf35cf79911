// SPDX-License-Identifier: Apache-2.0
#include "common/status_macros.h"

#include <gtest/gtest.h>

#include <memory>

#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

absl::StatusOr<std::unique_ptr<int>> Make(bool fails) {
  if (fails) return absl::NotFoundError("nothing made");
  return std::make_unique<int>(7);
}

absl::StatusOr<int> Doubled(bool make_fails, const absl::Status& check) {
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<int> value, Make(make_fails));
  COHORT_RETURN_IF_ERROR(check);
  return 2 * *value;
}

TEST(StatusMacrosTest, ValuesAreMovedOutAndExecutionGoesOn) {
  EXPECT_THAT(Doubled(/*make_fails=*/false, absl::OkStatus()), IsOkAndHolds(14));
}

TEST(StatusMacrosTest, AssignReturnsTheError) {
  EXPECT_THAT(Doubled(/*make_fails=*/true, absl::OkStatus()), StatusIs(absl::StatusCode::kNotFound, "nothing made"));
}

TEST(StatusMacrosTest, ReturnIfErrorReturnsTheError) {
  EXPECT_THAT(Doubled(/*make_fails=*/false, absl::AbortedError("stale")),
              StatusIs(absl::StatusCode::kAborted, "stale"));
}

}  // namespace
}  // namespace cohort::common
