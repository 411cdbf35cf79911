// SPDX-License-Identifier: Apache-2.0
// The promises of a sealed checkpoint under faults: damaged files, a writer that fails, a disk that is full.
#include "learner/checkpoint/sealed_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/gang_folder.h"
#include "learner/checkpoint/manifest.h"

namespace cohort::learner {
namespace {

namespace fs = std::filesystem;
using common::StatusIs;
using ::testing::HasSubstr;

const std::string kDigest(32, 'd');

FolderWriter WriterOf(const std::string& content) {
  return [content](const std::string& directory, std::vector<std::string>* names) -> absl::Status {
    names->assign({"weights.bin", "state.json"});
    const absl::Status status = common::WriteFileAtomically(directory + "/weights.bin", content);
    return status.ok() ? common::WriteFileAtomically(directory + "/state.json", "{}") : status;
  };
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class SealedFolderTest : public ::testing::Test {
 protected:
  GangFolder Folder(int64_t version, int64_t incarnation = 1) const {
    return {.parent = dir_.path(),
            .policy_version = version,
            .weight_digest = kDigest,
            .incarnation = incarnation,
            .place = {}};
  }
  std::string Seal(int64_t version, const std::string& content = "weights") {
    absl::StatusOr<std::string> path = SealFolder(Folder(version), WriterOf(content));
    EXPECT_OK(path);
    return path.ok() ? *path : "";
  }

  common::TempDir dir_;
};

TEST_F(SealedFolderTest, SealedFolderVerifiesAndNothingElseIsLeft) {
  const std::string path = Seal(7);
  EXPECT_EQ(path, dir_.Join("step-000007"));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000007"});
  ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(path));
  EXPECT_EQ(manifest.policy_version, 7);
  ASSERT_EQ(manifest.files.size(), 2);
  EXPECT_EQ(manifest.files[0].name, "state.json");
  EXPECT_EQ(manifest.files[1].size_bytes, 7);
}

TEST_F(SealedFolderTest, TruncatedFileIsNamed) {
  const std::string path = Seal(1);
  fs::resize_file(path + "/weights.bin", 3);
  EXPECT_THAT(VerifyManifest(path),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("weights.bin: wrong size (3 bytes")));
}

TEST_F(SealedFolderTest, FlippedBitIsNamed) {
  const std::string path = Seal(1);
  std::ofstream(path + "/weights.bin", std::ios::binary) << "wEights";
  EXPECT_THAT(VerifyManifest(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("weights.bin: checksum differs")));
}

TEST_F(SealedFolderTest, MissingFileIsNamed) {
  const std::string path = Seal(1);
  fs::remove(path + "/state.json");
  EXPECT_THAT(VerifyManifest(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("state.json: missing")));
}

TEST_F(SealedFolderTest, FolderWithoutManifestIsNoCheckpoint) {
  const std::string path = Seal(1);
  fs::remove(path + "/manifest.json");
  EXPECT_THAT(VerifyManifest(path), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SealedFolderTest, DamagedManifestIsNamed) {
  const std::string path = Seal(1);
  std::ofstream(path + "/manifest.json") << "{\"format_version\": 1,";
  EXPECT_THAT(VerifyManifest(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("manifest.json")));
}

TEST_F(SealedFolderTest, FailingWriterLeavesTheOldCheckpointsAlone) {
  const std::string old = Seal(1);
  const absl::StatusOr<std::string> failed =
      SealFolder(Folder(2), [](const std::string& directory, std::vector<std::string>* names) {
        std::ofstream(directory + "/half") << "x";
        names->push_back("half");
        return absl::InternalError("writer failed");
      });
  EXPECT_TRUE(NamesIn(Folder(2).Path()).empty()) << "others may need the room";
  ASSERT_OK(DiscardFolder(Folder(2)));
  EXPECT_THAT(failed, StatusIs(absl::StatusCode::kInternal, HasSubstr("writer failed")));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000001"});
  EXPECT_OK(VerifyManifest(old));
}

// A file-size limit stands for a full disk: the write fails in the middle of the weights.
TEST_F(SealedFolderTest, FullDiskLeavesTheOldCheckpointValidAndNoTemporaryFolder) {
  const std::string old = Seal(1);
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit limited = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  const absl::StatusOr<std::string> failed = SealFolder(Folder(2), WriterOf(std::string(100'000, 'w')));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(failed.ok());
  ASSERT_OK(DiscardFolder(Folder(2)));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000001"});
  EXPECT_OK(VerifyManifest(old));
  EXPECT_OK(SealFolder(Folder(2), WriterOf(std::string(100'000, 'w'))));
}

TEST_F(SealedFolderTest, SealingAgainWithTheSameWeightsKeepsTheFolder) {
  Seal(3, "first");
  const std::string path = Seal(3, "second");
  EXPECT_EQ(*common::ReadFile(path + "/weights.bin"), "first");
}

TEST_F(SealedFolderTest, DamagedFolderOfTheSameVersionIsReplaced) {
  fs::remove(Seal(3, "first") + "/state.json");
  const std::string path = Seal(3, "second");
  EXPECT_EQ(*common::ReadFile(path + "/weights.bin"), "second");
  EXPECT_OK(VerifyManifest(path));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000003"});
}

TEST_F(SealedFolderTest, OtherWeightsOfTheSameVersionAreReplaced) {
  Seal(3, "first");
  GangFolder folder = Folder(3);
  folder.weight_digest = std::string(32, 'e');
  ASSERT_OK(SealFolder(folder, WriterOf("second")));
  EXPECT_EQ(*common::ReadFile(dir_.Join("step-000003/weights.bin")), "second");
}

// As a writer of a former gang does that went on while the present one sealed the same version.
TEST_F(SealedFolderTest, WritersOfTheSameVersionDoNotMeet) {
  ASSERT_OK_AND_ASSIGN(
      const std::string path,
      SealFolder(Folder(3, /*incarnation=*/0), [this](const std::string& directory, std::vector<std::string>* names) {
        const absl::Status first = WriterOf("outer")(directory, names);
        Seal(3, "inner");
        const auto kept = common::ReadFile(directory + "/weights.bin");
        EXPECT_TRUE(kept.ok() && *kept == "outer");
        return first;
      }));
  EXPECT_EQ(*common::ReadFile(path + "/weights.bin"), "inner");  // the same weights: the first one stays
  EXPECT_OK(VerifyManifest(path));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000003"});
}

TEST_F(SealedFolderTest, ParentsAreMadeAndTheFolderHasTheirPermissions) {
  GangFolder folder = Folder(1);
  folder.parent = dir_.Join("a/b");
  ASSERT_OK_AND_ASSIGN(const std::string path, SealFolder(folder, WriterOf("weights")));
  EXPECT_EQ(path, dir_.Join("a/b/step-000001"));
  EXPECT_EQ(fs::status(path).permissions(), fs::status(dir_.Join("a/b")).permissions());
}

TEST_F(SealedFolderTest, ListIsNewestFirstAndOfSealedFoldersAlone) {
  for (int64_t version : {5, 1000000, 10}) Seal(version);
  for (const char* name : {".tmp-11-abcdef", "damaged-step-000007", "step-", "step-12x", "notes"}) {
    fs::create_directories(dir_.Join(name));
  }
  std::vector<int64_t> versions;
  for (const SealedFolder& folder : ListSealedFolders(dir_.path())) {
    versions.push_back(folder.policy_version);
    EXPECT_TRUE(fs::exists(folder.path)) << folder.path;
  }
  EXPECT_EQ(versions, (std::vector<int64_t>{1000000, 10, 5}));
  EXPECT_TRUE(ListSealedFolders(dir_.Join("absent")).empty());
}

TEST_F(SealedFolderTest, DamagedFolderIsSetAsideUnderAFreeName) {
  ASSERT_OK_AND_ASSIGN(const std::string first, SetAside(Seal(3)));
  EXPECT_EQ(first, dir_.Join("damaged-step-000003"));
  ASSERT_OK_AND_ASSIGN(const std::string second, SetAside(Seal(3)));
  EXPECT_EQ(second, dir_.Join("damaged-step-000003.2"));
  EXPECT_EQ(NamesIn(dir_.path()), (std::vector<std::string>{"damaged-step-000003", "damaged-step-000003.2"}));
  EXPECT_FALSE(SetAside(dir_.Join("step-000009")).ok());
}

TEST_F(SealedFolderTest, PruningRemovesDamagedFoldersOlderThanTheKeptOnes) {
  for (const char* name : {"damaged-step-000003.2", "damaged-step-000012"}) fs::create_directories(dir_.Join(name));
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1}));
  EXPECT_EQ(NamesIn(dir_.path()).size(), 2);
  Seal(10);
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1}));
  EXPECT_EQ(NamesIn(dir_.path()), (std::vector<std::string>{"damaged-step-000012", "step-000010"}));
}

TEST_F(SealedFolderTest, PruningKeepsTheNewestAndClearsWhatDeadWritersLeft) {
  for (int64_t version : {5, 10, 100, 1000000}) Seal(version);
  fs::create_directories(dir_.Join(".tmp-11/deep"));
  std::ofstream(dir_.Join("notes.txt")) << "kept";
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 2}));
  EXPECT_EQ(NamesIn(dir_.path()), (std::vector<std::string>{"notes.txt", "step-000100", "step-1000000"}));
}

TEST_F(SealedFolderTest, PruningLeavesWhatRanksStillFillForLaterVersions) {
  Seal(10);
  for (const char* name : {".tmp-9-gang-2", ".tmp-10-gang-2", ".tmp-11-gang-2", ".tmp-11-gang-1", ".tmp-5-gang-3",
                           ".tmp-12-gang-2-replaced", ".tmp-12-00000000deadbeef"}) {
    fs::create_directories(dir_.Join(name));
  }
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1, .recorded_version = 10, .incarnation = 2}));
  EXPECT_EQ(NamesIn(dir_.path()), (std::vector<std::string>{".tmp-11-gang-2", ".tmp-5-gang-3", "step-000010"}));
}

TEST_F(SealedFolderTest, SealingFirstRemovesWhatTheGangHasGivenUp) {
  for (const char* name : {".tmp-9-gang-1", ".tmp-11-gang-1", ".tmp-9-gang-2"}) fs::create_directories(dir_.Join(name));
  Seal(10);
  EXPECT_EQ(NamesIn(dir_.path()), (std::vector<std::string>{".tmp-11-gang-1", ".tmp-9-gang-2", "step-000010"}));
}

TEST_F(SealedFolderTest, PruningKeepsMultiplesAndTheBestAndNoDamagedOnesOfTheirAge) {
  for (int64_t version : {2, 4, 6, 8, 10}) Seal(version);
  fs::create_directories(dir_.Join("damaged-step-000005"));
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1, .keep_every = 4, .kept_best = {2}}));
  EXPECT_EQ(NamesIn(dir_.path()),
            (std::vector<std::string>{"step-000002", "step-000004", "step-000008", "step-000010"}));
}

TEST_F(SealedFolderTest, PruningLeavesVersionsAboveTheRecordedOneAndDoesNotCountThem) {
  for (int64_t version : {2, 4, 6, 8}) Seal(version);
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1, .recorded_version = 4}));
  EXPECT_EQ(NamesIn(dir_.path()), (std::vector<std::string>{"step-000004", "step-000006", "step-000008"}));
}

TEST_F(SealedFolderTest, PruningNeverRemovesTheLastOne) {
  Seal(5);
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 0}));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000005"});
}

TEST_F(SealedFolderTest, PruningKeepsWhatNeededVersionsAreReplayedFrom) {
  for (int64_t version : {2, 4, 6, 8, 10}) Seal(version);
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1, .needed_version = 5}));
  EXPECT_EQ(NamesIn(dir_.path()),
            (std::vector<std::string>{"step-000004", "step-000006", "step-000008", "step-000010"}));
  ASSERT_OK(PruneCheckpoints(dir_.path(), {.keep_last = 1, .needed_version = 10}));
  EXPECT_EQ(NamesIn(dir_.path()), std::vector<std::string>{"step-000010"});
}

}  // namespace
}  // namespace cohort::learner
