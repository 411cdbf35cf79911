// SPDX-License-Identifier: Apache-2.0
#include "coordinator/best_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BestVersionsTest : public ::testing::Test {
 protected:
  void Add(int64_t version, double accuracy) {
    cohort::v1::VersionAccuracy result;
    result.set_policy_version(version);
    result.set_accuracy(accuracy);
    AddVersion(result, 2, Sealed(), &best_);
  }
  std::vector<int64_t> Kept() const { return KeptVersions(best_, 2, Sealed()); }
  std::vector<int64_t> All() const {
    std::vector<int64_t> versions;
    for (const auto& one : best_) versions.push_back(one.policy_version());
    return versions;
  }
  SealedVersions Sealed() const {
    return {.is_sealed = [this](int64_t version) { return sealed_.count(version) > 0; },
            .newest = sealed_.empty() ? 0 : *sealed_.rbegin()};
  }

  std::set<int64_t> sealed_;
  BestVersions best_;
};

TEST_F(BestVersionsTest, SoManyStayBestFirstAndTheNewerOfEqualOnes) {
  sealed_ = {1, 2, 3, 4, 5};
  Add(1, 0.5);
  Add(2, 0.7);
  Add(3, 0.5);
  EXPECT_THAT(Kept(), ElementsAre(2, 3));
  Add(4, 0.1);
  EXPECT_THAT(Kept(), ElementsAre(2, 3));
  Add(5, 0.9);
  EXPECT_THAT(Kept(), ElementsAre(5, 2));
  EXPECT_THAT(All(), ElementsAre(5, 2)) << "nothing else is stored";
}

TEST_F(BestVersionsTest, PolicyBeforeTrainingHasNoCheckpoint) {
  Add(0, 1);
  EXPECT_THAT(All(), IsEmpty());
}

TEST_F(BestVersionsTest, CheckpointThatIsStillBeingWrittenTakesNoPlaceUntilItIsThere) {
  sealed_ = {1, 2};
  Add(1, 0.1);
  Add(2, 0.2);
  Add(3, 0.3);
  EXPECT_THAT(Kept(), ElementsAre(2, 1));
  sealed_.insert(3);
  EXPECT_THAT(Kept(), ElementsAre(3, 2));
}

TEST_F(BestVersionsTest, OneThatCouldNotBeSealedLeavesWhenANewerOneIs) {
  sealed_ = {1};
  Add(1, 0.1);
  Add(2, 0.9);
  sealed_.insert(3);
  Add(3, 0.2);
  EXPECT_THAT(All(), ElementsAre(3, 1));
}

TEST_F(BestVersionsTest, VersionsOfALineThatWasLeftAreForgottenAndNewResultsTaken) {
  sealed_ = {1, 2, 3};
  for (int64_t version : {1, 2, 3}) Add(version, 0.3);
  ForgetVersionsFrom(2, &best_);
  EXPECT_THAT(All(), IsEmpty()) << "only 3 and 2 were among the best";
  Add(2, 0.5);
  Add(2, 0.4);
  EXPECT_THAT(All(), ElementsAre(2));
  EXPECT_EQ(best_[0].accuracy(), 0.4);
}

}  // namespace
}  // namespace cohort::coordinator
