// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/folder_state.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/testing/temp_dir.h"

namespace cohort::rollout_worker {
namespace {

TEST(FolderStateTest, ChangesWithTheFilesAndOnlyWithThem) {
  const common::TempDir dir;
  std::ofstream(dir.Join("a")) << "1";
  const std::string before = FolderState(dir.path());
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(FolderState(dir.path()), before);
  std::ofstream(dir.Join("b")) << "2";
  const std::string with_another = FolderState(dir.path());
  EXPECT_NE(with_another, before);
  // The same name and size, put in its place as a whole.
  std::ofstream(dir.Join("c")) << "3";
  std::filesystem::rename(dir.Join("c"), dir.Join("b"));
  EXPECT_NE(FolderState(dir.path()), with_another);
}

TEST(FolderStateTest, IsEmptyWithoutAFolder) {
  const common::TempDir dir;
  EXPECT_EQ(FolderState(dir.Join("nowhere")), "");
}

}  // namespace
}  // namespace cohort::rollout_worker
