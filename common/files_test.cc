// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::common {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

// Runs `check` in a child in which no file can grow beyond `bytes`, as on a full disk; its result.
bool CheckWithFileSizeLimit(rlim_t bytes, const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {bytes, bytes};
    _exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 && check() ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

TEST(FilesTest, WrittenBytesAreReadBack) {
  const TempDir folder;
  const std::string content = std::string("\0binary\xFF", 8) + std::string(1 << 20, 'x');
  ASSERT_OK(WriteFileAtomically(folder.Join("a"), content));
  EXPECT_THAT(ReadFile(folder.Join("a")), IsOkAndHolds(content));
  ASSERT_OK(WriteFileAtomically(folder.Join("a"), ""));
  EXPECT_THAT(ReadFile(folder.Join("a")), IsOkAndHolds(""));
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"a"});
}

TEST(FilesTest, ReadsFilesThatClaimNoSize) {
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile("/proc/self/stat"));
  EXPECT_THAT(text, ::testing::StartsWith(std::to_string(getpid())));
}

TEST(FilesTest, MissingFileIsNotFoundByName) {
  EXPECT_THAT(ReadFile("/nonexistent/job.yaml"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/job.yaml: No such file")));
}

TEST(FilesTest, ReadingAFolderFailsByName) {
  const TempDir folder;
  EXPECT_THAT(ReadFile(folder.path()), ::testing::Not(IsOk()));
}

TEST(FilesTest, WritingIntoAMissingFolderFailsByName) {
  EXPECT_THAT(WriteFileAtomically("/nonexistent/a", "x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/a")));
}

TEST(FilesTest, FullDiskLeavesTheOldFileAndNoTemporary) {
  const TempDir folder;
  const std::string path = folder.Join("checkpoint");
  ASSERT_OK(WriteFileAtomically(path, "old"));
  EXPECT_TRUE(CheckWithFileSizeLimit(/*bytes=*/4096, [&] {
    const absl::Status status = WriteFileAtomically(path, std::string(100'000, 'x'));
    return !status.ok() && status.message().find(path + ": File too large") != absl::string_view::npos;
  }));
  EXPECT_THAT(ReadFile(path), IsOkAndHolds("old"));
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"checkpoint"});
}

TEST(FilesTest, SmallFileFitsUnderTheLimitOfTheFullDiskTest) {
  const TempDir folder;
  EXPECT_TRUE(
      CheckWithFileSizeLimit(/*bytes=*/4096, [&] { return WriteFileAtomically(folder.Join("a"), "new").ok(); }));
  EXPECT_THAT(ReadFile(folder.Join("a")), IsOkAndHolds("new"));
}

TEST(FilesTest, TargetThatIsAFolderIsLeftAlone) {
  const TempDir folder;
  std::filesystem::create_directories(folder.Join("target/inner"));
  EXPECT_THAT(WriteFileAtomically(folder.Join("target"), "x"), ::testing::Not(IsOk()));
  EXPECT_TRUE(std::filesystem::is_directory(folder.Join("target/inner")));
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"target"});
}

TEST(FilesTest, ReadersSeeOneWholeVersion) {
  const TempDir folder;
  const std::string path = folder.Join("a"), old_content(100'000, 'o'), new_content(200'000, 'n');
  ASSERT_OK(WriteFileAtomically(path, old_content));
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) EXPECT_OK(WriteFileAtomically(path, i % 2 == 0 ? new_content : old_content));
  });
  for (int i = 0; i < 100; ++i) {
    const auto content = ReadFile(path);
    ASSERT_OK(content);
    EXPECT_TRUE(*content == old_content || *content == new_content);
  }
  writer.join();
}

TEST(FilesTest, SyncOfAMissingFolderFailsByName) {
  EXPECT_THAT(SyncDirectory("/nonexistent"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent")));
}

TEST(ResolvePathTest, RelativePathsAreTakenFromTheRoot) {
  EXPECT_THAT(ResolvePath("/data", "a/b.jsonl"), IsOkAndHolds("/data/a/b.jsonl"));
  EXPECT_THAT(ResolvePath("/data", "a/../b"), IsOkAndHolds("/data/b"));
  EXPECT_THAT(ResolvePath("/data", "/abs/b"), IsOkAndHolds("/abs/b"));
}

TEST(ResolvePathTest, RelativePathMustNotLeaveTheRoot) {
  for (const char* path : {"..", "../x", "a/../../x", "./../x"}) {
    EXPECT_THAT(ResolvePath("/data", path), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path)));
  }
  EXPECT_THAT(ResolvePath("/data", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ResolvePath("/data", "..x/y"), IsOkAndHolds("/data/..x/y"));
}

}  // namespace
}  // namespace cohort::common
