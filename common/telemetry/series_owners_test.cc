// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/series_owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cohort::common {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SeriesOwnersTest : public ::testing::Test {
 protected:
  SeriesOwnersTest() {
    owners_.AddFamily([this](const std::string& owner) { removed_.push_back(owner); });
  }
  void Touch(const std::vector<std::string>& owners) {
    absl::MutexLock lock(owners_.mutex());
    for (const std::string& owner : owners) owners_.Touch(owner);
  }

  SeriesOwners owners_{/*max_idle=*/2};
  std::vector<std::string> removed_;
};

TEST_F(SeriesOwnersTest, TheOneTouchedLongestAgoGoesFirst) {
  Touch({"ann", "ben", "ann"});
  EXPECT_THAT(removed_, IsEmpty());
  Touch({"cay"});
  EXPECT_THAT(removed_, ElementsAre("ben"));
  Touch({"dan"});
  EXPECT_THAT(removed_, ElementsAre("ben", "ann"));
}

TEST_F(SeriesOwnersTest, EveryFamilyIsToldOnce) {
  std::vector<std::string> others;
  owners_.AddFamily([&others](const std::string& owner) { others.push_back(owner); });
  Touch({"ann", "ann"});
  owners_.Forget("ann");
  owners_.Forget("ann");
  owners_.Forget("ben");
  EXPECT_THAT(removed_, ElementsAre("ann"));
  EXPECT_THAT(others, ElementsAre("ann"));
}

TEST_F(SeriesOwnersTest, ProtectedOnesDoNotCountAndStayUntilReleased) {
  for (const char* owner : {"p", "q", "r"}) owners_.Protect(owner);
  Touch({"p", "q", "r", "ann", "ben"});
  EXPECT_THAT(removed_, IsEmpty());
  Touch({"cay"});
  EXPECT_THAT(removed_, ElementsAre("ann"));
  owners_.Release("q");
  EXPECT_THAT(removed_, ElementsAre("ann", "q")) << "touched before the others that are idle";
  Touch({"r"});
  owners_.Release("r");
  EXPECT_THAT(removed_, ElementsAre("ann", "q", "ben")) << "touched last";
}

TEST_F(SeriesOwnersTest, ProtectionBeginsBeforeTheFirstSeries) {
  owners_.Protect("p");
  Touch({"p", "ann", "ben", "cay", "dan"});
  EXPECT_THAT(removed_, ElementsAre("ann", "ben"));
}

TEST_F(SeriesOwnersTest, ForgottenOneIsStillProtected) {
  owners_.Protect("p");
  Touch({"p"});
  owners_.Forget("p");
  Touch({"p", "ann", "ben", "cay"});
  EXPECT_THAT(removed_, ElementsAre("p", "ann"));
}

}  // namespace
}  // namespace cohort::common
