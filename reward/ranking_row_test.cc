// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_row.h"

#include <gmock/gmock.h>

#include <array>
#include <vector>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const RankingFields kFields = {.truths = "truths", .seen = "seen"};

TEST(RankingRowTest, TruthsKeepTheirSpellingAndSeenTitlesAreNormalised) {
  constexpr char kRow[] =
      R"({"truths": [{"title": " The (4K)  Thing", "year": 1982, "genre": 1}], "seen": ["*ALIEN*", "Up"]})";
  ASSERT_OK_AND_ASSIGN(const RankingRow row, ParseRankingRow(kRow, kFields));
  ASSERT_EQ(row.truths.size(), 1u);
  EXPECT_EQ(row.truths[0].written_title, "The (4K) Thing");
  EXPECT_EQ(row.truths[0].item.title, "the thing");
  EXPECT_EQ(row.truths[0].item.year, 1982);
  EXPECT_THAT(row.seen, UnorderedElementsAre("alien", "up"));
}

TEST(RankingRowTest, RowWithoutSeenTitlesHasNone) {
  for (const char* row : {R"({"truths": [{"title": "Up", "year": 2009}]})",
                          R"({"truths": [{"title": "Up", "year": 2009}], "seen": null})"}) {
    ASSERT_OK_AND_ASSIGN(const RankingRow parsed, ParseRankingRow(row, kFields));
    EXPECT_TRUE(parsed.seen.empty());
  }
}

TEST(RankingRowTest, WhatIsUnusableIsNamedWithItsValue) {
  for (const auto& [row, field, value] : std::vector<std::array<const char*, 3>>{
           {"", "row", "JSON object"},
           {"[]", "row", "JSON object"},
           {"{}", "\"truths\"", "list of 1"},
           {R"({"truths": []})", "\"truths\"", "list of 1"},
           {R"({"truths": {"title": "Up", "year": 2009}})", "\"truths\"", "list of 1"},
           {R"({"truths": ["Up, 2009"]})", "\"truths\"", "Up, 2009"},
           {R"({"truths": [{"year": 2009}]})", "\"title\"", "2009"},
           {R"({"truths": [{"title": 7, "year": 2009}]})", "\"title\"", "7"},
           {R"({"truths": [{"title": "", "year": 2009}]})", "\"title\"", "empty"},
           {R"({"truths": [{"title": "Up"}]})", "\"year\"", "Up"},
           {R"({"truths": [{"title": "Up", "year": "2009"}]})", "\"year\"", "2009"},
           {R"({"truths": [{"title": "Up", "year": -1}]})", "\"year\"", "-1"},
           {R"({"truths": [{"title": "Up", "year": 10000}]})", "\"year\"", "10000"},
           {R"({"truths": [{"title": "Up", "year": 18446744073709551615}]})", "\"year\"", "18446744073709551615"},
           {R"({"truths": [{"title": "Up", "year": 2009.5}]})", "\"year\"", "2009.5"},
           {R"({"truths": [{"title": "Up", "year": 2009}], "seen": "Up"})", "\"seen\"", "Up"},
           {R"({"truths": [{"title": "Up", "year": 2009}], "seen": [7]})", "\"seen\"", "7"}}) {
    EXPECT_THAT(ParseRankingRow(row, kFields),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(field), HasSubstr(value))))
        << row;
  }
}

}  // namespace
}  // namespace cohort::reward
