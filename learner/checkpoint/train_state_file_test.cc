// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/train_state_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::learner {
namespace {

TEST(TrainStateFileTest, WhatIsWrittenIsRead) {
  const common::TempDir dir;
  ASSERT_OK(
      WriteTrainState(dir.path(), {.policy_version = 12, .num_updates = 24, .incarnation = 3, .spec_digest = "ab"}));
  ASSERT_OK_AND_ASSIGN(const TrainStateRecord record, ReadTrainState(dir.path()));
  EXPECT_EQ(record.policy_version, 12);
  EXPECT_EQ(record.num_updates, 24);
  EXPECT_EQ(record.incarnation, 3);
  EXPECT_EQ(record.spec_digest, "ab");
}

TEST(TrainStateFileTest, DamagedFileIsNamed) {
  const common::TempDir dir;
  std::ofstream(dir.Join("train_state.json")) << "{\"policy_version\": \"x\"}";
  EXPECT_THAT(ReadTrainState(dir.path()),
              common::StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr("train_state.json")));
}

TEST(TrainStateFileTest, SpecDigestDependsOnContentAndNotOnMapOrder) {
  cohort::v1::JobSpec one, other;
  for (const char* key : {"a", "b", "c", "d"}) (*one.mutable_labels())[key] = "x";
  for (const char* key : {"d", "c", "b", "a"}) (*other.mutable_labels())[key] = "x";
  EXPECT_EQ(SpecDigest(one), SpecDigest(other));
  EXPECT_EQ(SpecDigest(one).size(), 64);
  other.mutable_training()->set_seed(1);
  EXPECT_NE(SpecDigest(one), SpecDigest(other));
}

}  // namespace
}  // namespace cohort::learner
