// SPDX-License-Identifier: Apache-2.0
#include "cli/folder_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

TEST(FolderLockTest, OneAtATime) {
  const common::TempDir dir;
  {
    const auto first = FolderLock::Take(dir.path());
    ASSERT_TRUE(first.ok()) << first.status();
    const absl::Status second = FolderLock::Take(dir.path()).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  }
  EXPECT_TRUE(FolderLock::Take(dir.path()).ok());
}

TEST(FolderLockTest, KilledHolderLeavesItFree) {
  const common::TempDir dir;
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const auto lock = FolderLock::Take(dir.path());
    const char answer = lock.ok() ? 'y' : 'n';
    if (write(pipe_ends[1], &answer, 1) != 1) _exit(1);
    while (true) pause();
  }
  char answer = 0;
  ASSERT_EQ(read(pipe_ends[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(FolderLock::Take(dir.path()).ok());
  ASSERT_EQ(kill(holder, SIGKILL), 0);
  ASSERT_EQ(waitpid(holder, nullptr, 0), holder);
  EXPECT_TRUE(FolderLock::Take(dir.path()).ok());
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST(FolderLockTest, FolderThatCannotBeWrittenIsSaid) {
  EXPECT_TRUE(absl::IsInvalidArgument(FolderLock::Take("/nowhere/at/all").status()));
}

}  // namespace
}  // namespace cohort::cli
