// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/retention.h"

#include <gtest/gtest.h>

#include <string>

namespace cohort::learner {
namespace {

struct Case {
  std::string name;
  std::vector<int64_t> versions;
  RetentionPolicy policy;
  std::vector<int64_t> surplus;
};

class RetentionTest : public ::testing::TestWithParam<Case> {};

TEST_P(RetentionTest, SurplusIsWhatNothingKeeps) {
  EXPECT_EQ(SurplusVersions(GetParam().versions, GetParam().policy), GetParam().surplus);
}

const std::vector<int64_t> kTen = {10, 8, 6, 4, 2};

INSTANTIATE_TEST_SUITE_P(
    All, RetentionTest,
    ::testing::Values(
        Case{"NothingOfNothing", {}, {}, {}},  //
        Case{"LastOfAll", kTen, {.keep_last = 2}, {6, 4, 2}},
        Case{"NeverTheLastOne", kTen, {.keep_last = 0}, {8, 6, 4, 2}},
        Case{"MoreThanThereAre", kTen, {.keep_last = 9}, {}},
        Case{"Multiples", kTen, {.keep_last = 1, .keep_every = 4}, {6, 2}},
        Case{"Best", kTen, {.keep_last = 1, .kept_best = {6, 10}}, {8, 4, 2}},
        Case{"BestThatAreNotThere", kTen, {.keep_last = 1, .kept_best = {5, 12}}, {8, 6, 4, 2}},
        Case{"EachKeepsItsOwn", kTen, {.keep_last = 1, .keep_every = 8, .kept_best = {2}}, {6, 4}},
        Case{"NeededFromBetweenTwo", kTen, {.keep_last = 1, .needed_version = 5}, {2}},
        Case{"NeededFromOneOfThem", kTen, {.keep_last = 1, .needed_version = 6}, {4, 2}},
        Case{"NeededFromBeforeTheFirst", kTen, {.keep_last = 1, .needed_version = 1}, {}},
        Case{"NeededFromTheNewest", kTen, {.keep_last = 1, .needed_version = 10}, {8, 6, 4, 2}},
        // A multiple or a best one in between is no reason to remove what is newer.
        Case{"NeededBesideMultiples", kTen, {.keep_last = 1, .keep_every = 8, .needed_version = 7}, {4, 2}}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace cohort::learner
