// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_STATUS_MATCHERS_H_
#define COHORT_COMMON_TESTING_STATUS_MATCHERS_H_

// What absl/status/status_matchers.h has from LTS 20240722 on.
//
//   EXPECT_OK(store->Put(job));
//   ASSERT_OK_AND_ASSIGN(auto config, LoadModelConfig(dir));
//   EXPECT_THAT(Parse("x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("config.json")));

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::common {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& statusor) {
  return statusor.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P2(StatusIs, code, message,
           "has the code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(StatusOf(arg).message()), result_listener);
}

// Any message.
inline auto StatusIs(absl::StatusCode code) { return StatusIs(code, ::testing::_); }

// An OK StatusOr whose value matches.
MATCHER_P(IsOkAndHolds, value, "is OK and its value " + ::testing::PrintToString(value)) {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value, *arg, result_listener);
}

}  // namespace cohort::common

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::cohort::common::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::cohort::common::IsOk())

#define COHORT_TEST_CONCAT_INNER_(x, y) x##y
#define COHORT_TEST_CONCAT_(x, y) COHORT_TEST_CONCAT_INNER_(x, y)
#define ASSERT_OK_AND_ASSIGN(lhs, expression) \
  COHORT_TEST_ASSERT_OK_AND_ASSIGN_(COHORT_TEST_CONCAT_(cohort_test_statusor_, __LINE__), lhs, expression)
#define COHORT_TEST_ASSERT_OK_AND_ASSIGN_(statusor, lhs, expression) \
  auto statusor = (expression);                                      \
  ASSERT_TRUE(statusor.ok()) << statusor.status();                   \
  lhs = *std::move(statusor)

#endif  // COHORT_COMMON_TESTING_STATUS_MATCHERS_H_
