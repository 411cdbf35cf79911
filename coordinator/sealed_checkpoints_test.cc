// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sealed_checkpoints.h"

#include <filesystem>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

class SealedCheckpointsTest : public ::testing::Test {
 protected:
  void Leave(const std::string& name, const std::string& manifest) {
    std::filesystem::create_directories(folder_.Join(name));
    ASSERT_OK(common::WriteFileAtomically(folder_.Join(name + "/weights"), "1234"));
    ASSERT_OK(common::WriteFileAtomically(folder_.Join(name + "/manifest.json"), manifest));
  }
  absl::StatusOr<std::vector<SealedCheckpoint>> List() {
    return ListSealedCheckpoints(common::RealFileSystem(), folder_.path());
  }
  common::TempDir folder_;
};

constexpr char kWhole[] =
    R"({"policy_version": 12, "weight_digest": "ab", "files": [{"name": "weights", "size_bytes": 4}]})";

TEST_F(SealedCheckpointsTest, WholeOnesAreFoundByVersion) {
  Leave("step-000012", kWhole);
  Leave("step-000002", R"({"policy_version": 2, "weight_digest": "cd", "files": []})");
  ASSERT_OK_AND_ASSIGN(const auto sealed, List());
  ASSERT_EQ(sealed.size(), 2u);
  EXPECT_EQ(sealed[0].version, 2);
  EXPECT_EQ(sealed[1].version, 12);
  EXPECT_EQ(sealed[1].path, folder_.Join("step-000012"));
  EXPECT_EQ(sealed[1].weight_digest, "ab");
}

TEST_F(SealedCheckpointsTest, WhatIsNotWholeIsNone) {
  Leave(".tmp-12-x", kWhole);
  Leave("damaged-step-000012", kWhole);
  Leave("step-000013", kWhole);
  Leave("step-000014", "{");
  Leave("step-000015", R"({"policy_version": 15, "weight_digest": "ab", "files": [{"name": "a/b", "size_bytes": 4}]})");
  Leave("step-000016",
        R"({"policy_version": 16, "weight_digest": "ab", "files": [{"name": "gone", "size_bytes": 4}]})");
  Leave("step-000017",
        R"({"policy_version": 17, "weight_digest": "ab", "files": [{"name": "weights", "size_bytes": 5}]})");
  ASSERT_OK_AND_ASSIGN(const auto sealed, List());
  EXPECT_TRUE(sealed.empty());
}

TEST_F(SealedCheckpointsTest, FolderThatIsNotThereHasNone) {
  ASSERT_OK_AND_ASSIGN(const auto sealed, ListSealedCheckpoints(common::RealFileSystem(), folder_.Join("none")));
  EXPECT_TRUE(sealed.empty());
}

TEST_F(SealedCheckpointsTest, ThoseThatAreSetAsideAreKeptUnderAnotherName) {
  for (int i = 0; i < 2; ++i) {
    Leave("step-000011", kWhole);
    Leave("step-000012", kWhole);
    Leave("step-000013", "half of one");
    ASSERT_OK(SetCheckpointsAside(common::RealFileSystem(), folder_.path(), 12));
  }
  for (const std::string name :
       {"step-000011", "damaged-step-000012", "damaged-step-000012.2", "damaged-step-000013"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_.Join(name + "/weights"))) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.Join("step-000012")));
  EXPECT_FALSE(std::filesystem::exists(folder_.Join("step-000013")));
  EXPECT_OK(SetCheckpointsAside(common::RealFileSystem(), folder_.Join("none"), 0)) << "nothing is there";
}

}  // namespace
}  // namespace cohort::coordinator
