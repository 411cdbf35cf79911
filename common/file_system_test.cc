// SPDX-License-Identifier: Apache-2.0
// The machine's file system and the simulated one: the same contract, and what only the simulated one can show.
#include "common/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::common {
namespace {

using ::testing::ElementsAre;
using Mode = FileSystem::Mode;
using Moment = SimulatedFileSystem::Moment;

// Either file system, and a folder in it.
class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      files_ = RealFileSystem();
      folder_ = real_folder_.path();
      return;
    }
    files_ = &simulated_;
    folder_ = "/folder";
    ASSERT_OK(simulated_.MakeFolders(folder_));
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  TempDir real_folder_;
  SimulatedDisk disk_;
  SimulatedFileSystem simulated_{&disk_};
  FileSystem* files_ = nullptr;
  std::string folder_;
};

TEST_P(FileSystemTest, FileHoldsWhatWasWrittenAtItsPlace) {
  ASSERT_OK_AND_ASSIGN(const auto file, files_->Open(Path("a"), Mode::kCreate));
  ASSERT_OK(file->Write("hello", 0));
  ASSERT_OK(file->Write("LL", 2));
  ASSERT_OK(file->Sync());
  char buffer[8];
  EXPECT_THAT(file->Read(buffer, 8, 1), IsOkAndHolds(4));
  EXPECT_EQ(std::string(buffer, 4), "eLLo");
  EXPECT_THAT(file->Read(buffer, 8, 5), IsOkAndHolds(0));
  ASSERT_OK(file->Truncate(3));
  EXPECT_THAT(file->SizeBytes(), IsOkAndHolds(3));
  EXPECT_THAT(ReadFile(files_, Path("a")), IsOkAndHolds(std::string("heL")));
  ASSERT_OK_AND_ASSIGN(const auto replaced, files_->Open(Path("a"), Mode::kReplace));
  EXPECT_THAT(replaced->SizeBytes(), IsOkAndHolds(0));
}

TEST_P(FileSystemTest, WhatIsNotThereIsNotFound) {
  for (const Mode mode : {Mode::kRead, Mode::kUpdate}) {
    EXPECT_THAT(files_->Open(Path("a"), mode), StatusIs(absl::StatusCode::kNotFound));
  }
  EXPECT_THAT(files_->Open(Path("none/a"), Mode::kCreate), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->Remove(Path("a")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->Rename(Path("a"), Path("b")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->List(Path("none")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_->SyncFolder(Path("none")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileSystemTest, FoldersAreMadeListedAndRemovedWhenEmpty) {
  ASSERT_OK(files_->MakeFolders(Path("one/two")));
  ASSERT_OK(files_->MakeFolders(Path("one/two"))) << "again";
  ASSERT_OK(WriteFileAtomically(files_, Path("one/file"), "x"));
  EXPECT_THAT(*files_->List(Path("one")), ElementsAre("file", "two"));
  EXPECT_TRUE(files_->IsFolder(Path("one/two")));
  EXPECT_FALSE(files_->IsFile(Path("one/two")));
  EXPECT_FALSE(files_->RemoveFolder(Path("one")).ok());
  ASSERT_OK(files_->Remove(Path("one/file")));
  ASSERT_OK(files_->RemoveFolder(Path("one/two")));
  ASSERT_OK(files_->RemoveFolder(Path("one")));
  EXPECT_FALSE(files_->IsFolder(Path("one")));
}

TEST_P(FileSystemTest, FileInTheWayOfAFolderIsAnError) {
  ASSERT_OK(WriteFileAtomically(files_, Path("file"), "x"));
  EXPECT_FALSE(files_->MakeFolders(Path("file")).ok());
  EXPECT_FALSE(files_->MakeFolders(Path("file/below")).ok());
}

TEST_P(FileSystemTest, AppendedAndReplacedFilesReadBack) {
  ASSERT_OK(AppendToFile(files_, Path("a"), "one"));
  ASSERT_OK(AppendToFile(files_, Path("a"), "two"));
  EXPECT_THAT(ReadFile(files_, Path("a")), IsOkAndHolds(std::string("onetwo")));
  ASSERT_OK(WriteFileAtomically(files_, Path("a"), "3"));
  EXPECT_THAT(ReadFile(files_, Path("a")), IsOkAndHolds(std::string("3")));
  EXPECT_THAT(*files_->List(folder_), ElementsAre("a"));
}

TEST_P(FileSystemTest, FolderMovesWithWhatIsInItAndReplacesOnlyAnEmptyOne) {
  for (const char* folder : {"one/deep", "empty", "full"}) ASSERT_OK(files_->MakeFolders(Path(folder)));
  for (const char* file : {"one/a", "one/deep/b", "full/c"}) ASSERT_OK(WriteFileAtomically(files_, Path(file), file));
  EXPECT_FALSE(files_->Rename(Path("one"), Path("full")).ok());
  EXPECT_FALSE(files_->Rename(Path("one"), Path("full/c")).ok());
  ASSERT_OK(files_->Rename(Path("one"), Path("empty")));
  EXPECT_THAT(*files_->List(folder_), ElementsAre("empty", "full"));
  EXPECT_THAT(*files_->List(Path("empty")), ElementsAre("a", "deep"));
  EXPECT_THAT(ReadFile(files_, Path("empty/deep/b")), IsOkAndHolds(std::string("one/deep/b")));
  EXPECT_FALSE(files_->IsFolder(Path("one")));
}

TEST_P(FileSystemTest, TreeIsRemovedAndWhatIsNotThereIsNoError) {
  ASSERT_OK(files_->MakeFolders(Path("one/deep")));
  for (const char* file : {"one/a", "one/deep/b", "c"}) ASSERT_OK(WriteFileAtomically(files_, Path(file), file));
  for (const char* path : {"one", "c", "none"}) EXPECT_OK(RemoveTree(files_, Path(path))) << path;
  EXPECT_TRUE(files_->List(folder_)->empty());
}

TEST(FileSystemLinkTest, RemovedTreeLeavesWhatItsLinksPointTo) {
  TempDir folder;
  FileSystem* files = RealFileSystem();
  for (const char* name : {"kept", "tree"}) ASSERT_OK(files->MakeFolders(folder.Join(name)));
  ASSERT_OK(WriteFileAtomically(files, folder.Join("kept/a"), "x"));
  std::filesystem::create_directory_symlink(folder.Join("kept"), folder.Join("tree/link"));
  ASSERT_OK(RemoveTree(files, folder.Join("tree")));
  EXPECT_THAT(*files->List(folder.path()), ElementsAre("kept"));
  EXPECT_TRUE(files->IsFile(folder.Join("kept/a")));
}

INSTANTIATE_TEST_SUITE_P(All, FileSystemTest, ::testing::Bool(),
                         [](const auto& instance) { return instance.param ? "Machine" : "Simulated"; });

// The contents of "/f/a" that are seen after a loss of power, over many seeds.
std::set<std::string> ContentsAfterPowerLoss(const std::function<void(SimulatedFileSystem*)>& write) {
  std::set<std::string> contents;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimulatedDisk disk;
    SimulatedFileSystem files(&disk);
    EXPECT_OK(files.MakeFolders("/f"));
    write(&files);
    files.Kill();
    SeededRandom random(seed);
    disk.LosePower(&random);
    SimulatedFileSystem next(&disk);
    contents.insert(next.IsFile("/f/a") ? *ReadFile(&next, "/f/a") : "none");
  }
  return contents;
}

TEST(RealFileSystemTest, FileThatChangesOrIsReplacedHasAnotherVersion) {
  const TempDir folder;
  const std::string path = folder.Join("a");
  const auto version_of = [&path] { return (*RealFileSystem()->Open(path, Mode::kRead))->Version(); };
  ASSERT_OK(WriteFileAtomically(RealFileSystem(), path, "abc"));
  const auto first = version_of();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->size_bytes, 3);
  EXPECT_GT(first->modified_unix_ns, 0);
  EXPECT_GT(first->changed_unix_ns, 0);
  EXPECT_EQ(version_of(), first);
  ASSERT_OK_AND_ASSIGN(const auto kept, RealFileSystem()->Open(path, Mode::kRead));
  ASSERT_OK(WriteFileAtomically(RealFileSystem(), path, "abc"));
  const auto second = version_of();
  EXPECT_NE(second->inode, first->inode);
  ASSERT_OK(AppendToFile(RealFileSystem(), path, "d"));
  EXPECT_NE(version_of(), second);
  EXPECT_EQ(version_of()->inode, second->inode);
}

TEST(SimulatedFileSystemTest, OnlyWhatWasSyncedIsSureToSurvive) {
  EXPECT_THAT(ContentsAfterPowerLoss([](SimulatedFileSystem* files) {
                auto file = *files->Open("/f/a", Mode::kCreate);
                EXPECT_OK(file->Write("1", 0));
                EXPECT_OK(file->Sync());
                EXPECT_OK(files->SyncFolder("/f"));
                EXPECT_OK(file->Write("2", 1));
                EXPECT_OK(file->Write("3", 2));
              }),
              ::testing::UnorderedElementsAre("1", "12", "123", std::string("1\0003", 3)));
  EXPECT_THAT(ContentsAfterPowerLoss([](SimulatedFileSystem* files) {
                auto file = *files->Open("/f/a", Mode::kCreate);
                EXPECT_OK(file->Write("1", 0));
                EXPECT_OK(file->Sync());
              }),
              ::testing::UnorderedElementsAre("none", "1"))
      << "the folder was not synced";
}

TEST(SimulatedFileSystemTest, UnsyncedWriteMayBeTornAtSectors) {
  const auto contents = ContentsAfterPowerLoss([](SimulatedFileSystem* files) {
    auto file = *files->Open("/f/a", Mode::kCreate);
    EXPECT_OK(file->Write(std::string(1024, 'a'), 0));
    EXPECT_OK(file->Sync());
    EXPECT_OK(files->SyncFolder("/f"));
    EXPECT_OK(file->Write(std::string(1024, 'b'), 0));
  });
  const std::string a(512, 'a'), b(512, 'b');
  EXPECT_THAT(contents, ::testing::UnorderedElementsAre(a + a, a + b, b + a, b + b));
}

// As a checkpoint replaces another of its version.
TEST(SimulatedFileSystemTest, MovesOfFoldersAreDurableInOrderAndOnlyWhenTheirFolderWasSynced) {
  const auto replace = [](SimulatedFileSystem* files, bool is_synced) {
    for (const char* folder : {"/f/x", "/f/y"}) {
      EXPECT_OK(files->MakeFolders(folder));
      EXPECT_OK(WriteFileAtomically(files, std::string(folder) + "/a", folder));
    }
    EXPECT_OK(files->Rename("/f/x", "/f/z"));
    EXPECT_OK(files->Rename("/f/y", "/f/x"));
    EXPECT_OK(WriteFileAtomically(files, "/f/x/b", "later"));
    if (is_synced) {
      EXPECT_OK(files->SyncFolder("/f"));
    }
    EXPECT_EQ(*ReadFile(files, "/f/x/a"), "/f/y");
  };
  for (const bool is_synced : {false, true}) {
    std::set<std::string> seen;
    for (uint64_t seed = 0; seed < 100; ++seed) {
      SimulatedDisk disk;
      SimulatedFileSystem files(&disk);
      replace(&files, is_synced);
      SeededRandom random(seed);
      disk.LosePower(&random);
      std::string names;
      for (const char* name : {"x", "y", "z"}) {
        const auto content = ReadFile(&files, std::string("/f/") + name + "/a");
        if (content.ok()) names += std::string(name) + "=" + content->substr(3);
        if (files.IsFile(std::string("/f/") + name + "/b")) names += "+b";
        EXPECT_EQ(content.ok(), files.IsFolder(std::string("/f/") + name));
      }
      seen.insert(names);
    }
    const std::set<std::string> synced = {"x=y+bz=x"};
    EXPECT_EQ(seen, is_synced ? synced : std::set<std::string>({"x=xy=y+b", "x=y+bz=x", "y=y+bz=x"}));
  }
}

TEST(SimulatedFileSystemTest, KilledProcessChangesNothingAndTheNextOneSeesItsWrites) {
  SimulatedDisk disk;
  auto first = std::make_unique<SimulatedFileSystem>(&disk);
  ASSERT_OK(first->MakeFolders("/f"));
  auto file = *first->Open("/f/a", Mode::kCreate);
  first->DieAt(first->num_calls() + 2, Moment::kWithin);
  ASSERT_OK(file->Write("1", 0));
  EXPECT_FALSE(file->Write("2345", 1).ok());
  EXPECT_TRUE(first->is_dead());
  EXPECT_FALSE(file->Truncate(0).ok());
  EXPECT_FALSE(first->Remove("/f/a").ok());
  SimulatedFileSystem second(&disk);
  EXPECT_THAT(ReadFile(&second, "/f/a"), IsOkAndHolds(std::string("123"))) << "the write was cut short";
}

TEST(SimulatedFileSystemTest, FullDiskTakesAPartAndSyncThatFailsForgets) {
  SimulatedDisk disk;
  SimulatedFileSystem files(&disk);
  ASSERT_OK(files.MakeFolders("/f"));
  auto file = *files.Open("/f/a", Mode::kCreate);
  disk.SetCapacity(3);
  EXPECT_THAT(file->Write("12345", 0), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(file->SizeBytes(), IsOkAndHolds(3));
  files.SetFault([](SimulatedFileSystem::Call call, std::string_view) {
    return call == SimulatedFileSystem::Call::kSync ? absl::InternalError("EIO") : absl::OkStatus();
  });
  EXPECT_FALSE(file->Sync().ok());
  files.SetFault([](SimulatedFileSystem::Call, std::string_view) { return absl::OkStatus(); });
  EXPECT_OK(file->Sync()) << "as Linux: it says nothing about what failed before";
  EXPECT_OK(files.SyncFolder("/f"));
  SeededRandom random(1);
  disk.LosePower(&random);
  EXPECT_THAT(ReadFile(&files, "/f/a"), IsOkAndHolds(std::string("")));
}

}  // namespace
}  // namespace cohort::common
