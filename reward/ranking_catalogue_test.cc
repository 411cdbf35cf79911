// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_catalogue.h"

#include <gmock/gmock.h>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RankingCatalogueTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<const RankingCatalogue>> Load(std::string_view text) {
    EXPECT_OK(common::WriteFileAtomically(path_, text));
    return RankingCatalogue::Load(path_);
  }

  const common::TempDir dir_;
  const std::string path_ = dir_.Join("catalogue.jsonl");
};

TEST_F(RankingCatalogueTest, HoldsPairsOfNormalisedTitleAndExactYear) {
  ASSERT_OK_AND_ASSIGN(const auto catalogue, Load("{\"title\": \"Les  Mis\u00c9rables\", \"year\": 2012}\r\n\n"
                                                  "{\"title\": \"les mis\u00e9rables\", \"year\": 2019, \"id\": 7}\n"
                                                  "{\"title\": \"Les Mis\u00e9rables\", \"year\": 2012}"));
  EXPECT_EQ(catalogue->size(), 2u);
  EXPECT_TRUE(catalogue->Contains({.title = "les mis\u00e9rables", .year = 2012}));
  EXPECT_TRUE(catalogue->Contains({.title = "les mis\u00e9rables", .year = 2019}));
  EXPECT_FALSE(catalogue->Contains({.title = "les mis\u00e9rables", .year = 2013}));
  EXPECT_FALSE(catalogue->Contains({.title = "les miserables", .year = 2012}));
}

TEST_F(RankingCatalogueTest, NearestYearPrefersTheLaterOfTwo) {
  ASSERT_OK_AND_ASSIGN(const auto catalogue,
                       Load("{\"title\": \"It\", \"year\": 1990}\n{\"title\": \"It\", \"year\": 1994}"));
  EXPECT_EQ(catalogue->NearestYear({.title = "it", .year = 1990}, 2), 1990);
  EXPECT_EQ(catalogue->NearestYear({.title = "it", .year = 1992}, 2), 1994);
  EXPECT_EQ(catalogue->NearestYear({.title = "it", .year = 1988}, 2), 1990);
  EXPECT_EQ(catalogue->NearestYear({.title = "it", .year = 1987}, 2), std::nullopt);
  EXPECT_EQ(catalogue->NearestYear({.title = "up", .year = 1990}, 2), std::nullopt);
}

TEST_F(RankingCatalogueTest, WhatIsWrongIsNamedWithFileAndLine) {
  EXPECT_THAT(Load("{\"title\": \"Up\", \"year\": 2009}\n{\"title\": \"Up\"}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(path_ + ":2: "), HasSubstr("\"year\""))));
  EXPECT_THAT(Load("Up (2009)\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(":1: not JSON")));
  EXPECT_THAT(Load("\n \n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("names no item")));
  EXPECT_THAT(RankingCatalogue::Load(dir_.path()), StatusIs(absl::StatusCode::kNotFound, HasSubstr(dir_.path())));
  EXPECT_THAT(RankingCatalogue::Load("/dev/zero"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace cohort::reward
