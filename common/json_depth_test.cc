// SPDX-License-Identifier: Apache-2.0
#include "common/json_depth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

using ::testing::StartsWith;

constexpr size_t kNowhere = std::string_view::npos;

TEST(JsonDepthTest, FirstBracketBeyondTheBoundIsFound) {
  EXPECT_EQ(FindTooDeep("[{\"a\":[]}]", 3), kNowhere);
  EXPECT_EQ(FindTooDeep("[{\"a\":[]}]", 2), 6u);
  EXPECT_EQ(FindTooDeep("[[], [], {}, []]", 2), kNowhere) << "side by side is not deep";
  EXPECT_EQ(FindTooDeep("", 0), kNowhere);
}

TEST(JsonDepthTest, BracketsInTextDoNotCount) {
  EXPECT_EQ(FindTooDeep(R"({"a": "[[[[\"[[[", "[": 1})", 1), kNowhere);
  EXPECT_EQ(FindTooDeep(R"({"a": "\\", "b": [1]})", 1), 17u) << "an escaped backslash does not escape the quote";
}

TEST(JsonDepthTest, HostileTextIsOnlyRead) {
  EXPECT_EQ(FindTooDeep(std::string(10'000'000, '[')), static_cast<size_t>(kMaxJsonDepth));
  EXPECT_EQ(FindTooDeep(std::string(10'000'000, ']')), kNowhere);
  EXPECT_EQ(FindTooDeep("\"open \\"), kNowhere);
}

TEST(JsonDepthTest, TextBeyondTheBoundIsRefusedWithItsBeginning) {
  EXPECT_OK(CheckJsonDepth(std::string(kMaxJsonDepth, '[')));
  EXPECT_THAT(CheckJsonDepth("{\"row\": 1}" + std::string(kMaxJsonDepth + 1, '[')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("nested too deeply, more than 64 levels ({\"row\": 1}[[[")));
}

}  // namespace
}  // namespace cohort::common
