// SPDX-License-Identifier: Apache-2.0
#include "coordinator/first_row_error.h"

#include <atomic>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(FirstRowErrorTest, EveryRowIsCheckedOnce) {
  std::vector<std::atomic<int>> counts(1000);
  EXPECT_TRUE(FirstRowError(1000, 4, [&](int64_t row) {
                ++counts[row];
                return absl::OkStatus();
              }).ok());
  for (const auto& count : counts) EXPECT_EQ(count, 1);
}

TEST(FirstRowErrorTest, LowestBadRowIsReported) {
  for (int repetition = 0; repetition < 200; ++repetition) {
    const absl::Status status = FirstRowError(100, 4, [](int64_t row) {
      return row >= 17 ? absl::InvalidArgumentError(absl::StrCat("row ", row)) : absl::OkStatus();
    });
    EXPECT_EQ(status.message(), "row 17");
  }
}

TEST(FirstRowErrorTest, NoRowsAreNoError) {
  EXPECT_TRUE(FirstRowError(0, 4, [](int64_t) { return absl::InternalError("called"); }).ok());
}

}  // namespace
}  // namespace cohort::coordinator
