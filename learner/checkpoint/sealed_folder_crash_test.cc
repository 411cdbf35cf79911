// SPDX-License-Identifier: Apache-2.0
// A process dies at every call that changes the disk, in the middle of every write, with and without loss of power,
// while it seals a checkpoint and removes the one before.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "learner/checkpoint/gang_folder.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/sealed_folder.h"
#include "model/weights/weight_files_writer.h"

namespace cohort::learner {
namespace {

using common::SimulatedDisk;
using common::SimulatedFileSystem;
using Moment = SimulatedFileSystem::Moment;

constexpr char kParent[] = "/runs/job/checkpoints";
constexpr int kNumPowerLosses = 3;

std::string WeightsOf(int64_t version) { return std::string(3000, static_cast<char>('a' + version)); }
std::string DigestOf(int64_t version) { return common::Sha256Of(WeightsOf(version)); }

GangFolder FolderOf(SimulatedFileSystem* files, int64_t version, const std::string& digest, int64_t incarnation = 1) {
  return {.parent = kParent,
          .policy_version = version,
          .weight_digest = digest,
          .incarnation = incarnation,
          .place = {},
          .files = files};
}

// As a large model is sealed: weights in shards, and a small file.
absl::StatusOr<std::string> Seal(SimulatedFileSystem* files, int64_t version, int64_t incarnation = 1) {
  const std::string weights = WeightsOf(version);
  const model::TensorToWrite tensor = {.name = "", .dtype = "U8", .shape = {1500}, .bytes = [&weights] {
                                         return std::string_view(weights).substr(1500);
                                       }};
  const auto write = [&](const std::string& directory, std::vector<std::string>* names) -> absl::Status {
    std::vector<model::TensorToWrite> tensors(2, tensor);
    tensors[0].name = "a";
    tensors[1].name = "b";
    const absl::Status written = model::WriteWeightFiles(directory, tensors, /*max_shard_bytes=*/2000, files);
    names->assign({"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                   "model.safetensors.index.json", "state.json"});
    return written.ok() ? common::WriteFileAtomically(files, directory + "/state.json", "{}") : written;
  };
  return SealFolder(FolderOf(files, version, DigestOf(version), incarnation), write);
}

// What the process does that may die: true when the checkpoint of version 2 counts as sealed.
bool SealNextAndPrune(SimulatedFileSystem* files, int64_t incarnation = 1) {
  const bool is_sealed = Seal(files, 2, incarnation).ok();
  (void)PruneCheckpoints(kParent, {.keep_last = 1}, files);
  return is_sealed;
}

// The folders that carry the name of a checkpoint are whole, and at least one is there.
void CheckDisk(SimulatedDisk* disk, bool is_sealed) {
  SimulatedFileSystem files(disk);
  const std::vector<SealedFolder> sealed = ListSealedFolders(kParent, &files);
  ASSERT_FALSE(sealed.empty());
  if (is_sealed) {
    EXPECT_EQ(sealed[0].policy_version, 2);
  }
  for (const SealedFolder& folder : sealed) {
    ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(folder.path, &files));
    EXPECT_EQ(manifest.policy_version, folder.policy_version);
    EXPECT_EQ(manifest.weight_digest, common::HexOf(DigestOf(folder.policy_version)));
    EXPECT_EQ(manifest.files.size(), 4) << "two shards, their index, the state";
  }
  // The next writer needs nothing but the disk.
  EXPECT_TRUE(SealNextAndPrune(&files, /*incarnation=*/2));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, files.List(kParent));
  EXPECT_EQ(names, std::vector<std::string>{"step-000002"});
}

int64_t CountCalls() {
  SimulatedDisk disk;
  SimulatedFileSystem files(&disk);
  EXPECT_OK(Seal(&files, 1));
  const int64_t before = files.num_calls();
  EXPECT_TRUE(SealNextAndPrune(&files));
  return files.num_calls() - before;
}

TEST(SealedFolderCrashTest, DeathAtAnyCallLeavesTheCheckpointBeforeOrTheNextOne) {
  const int64_t num_calls = CountCalls();
  ASSERT_GT(num_calls, 40);
  for (int64_t call = 1; call <= num_calls; ++call) {
    for (const Moment moment : {Moment::kBefore, Moment::kWithin, Moment::kAfter}) {
      for (int seed = 0; seed <= kNumPowerLosses; ++seed) {
        SCOPED_TRACE(absl::StrCat("call ", call, ", moment ", static_cast<int>(moment), ", seed ", seed));
        SimulatedDisk disk;
        {
          SimulatedFileSystem files(&disk);
          ASSERT_OK(Seal(&files, 1));
        }
        SimulatedFileSystem dying(&disk);
        dying.DieAt(call, moment);
        const bool is_sealed = SealNextAndPrune(&dying);
        ASSERT_TRUE(dying.is_dead());
        common::SeededRandom random(static_cast<uint64_t>(call * 100 + seed));
        if (seed > 0) disk.LosePower(&random);  // 0: the machine lives on
        CheckDisk(&disk, is_sealed);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The next gang removes the folder of a writer that is still at it, and is as slow as can be.
TEST(SealedFolderCrashTest, WriterWhoseFolderIsBeingRemovedSealsNothingRatherThanHalf) {
  bool is_over = false;
  for (int64_t call = 1; !is_over; ++call) {
    ASSERT_LT(call, 100);
    SimulatedDisk disk;
    SimulatedFileSystem files(&disk);
    ASSERT_OK(Seal(&files, 1));
    SimulatedFileSystem pruner(&disk);
    pruner.DieAt(call, Moment::kBefore);
    const absl::StatusOr<std::string> sealed =
        SealFolder(FolderOf(&files, 2, DigestOf(2)),
                   [&](const std::string& directory, std::vector<std::string>* names) -> absl::Status {
                     for (const char* name : {"/a", "/b"}) {
                       const absl::Status written = common::WriteFileAtomically(&files, directory + name, name);
                       if (!written.ok()) return written;
                     }
                     (void)PruneCheckpoints(kParent, {.keep_last = 2}, &pruner);
                     is_over = !pruner.is_dead();
                     names->assign({"a", "b", "c"});
                     return common::WriteFileAtomically(&files, directory + "/c", "c");
                   });
    if (!sealed.ok()) {
      EXPECT_EQ(sealed.status().code(), absl::StatusCode::kNotFound) << sealed.status();
      EXPECT_FALSE(files.IsFolder(std::string(kParent) + "/step-000002")) << "call " << call;
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(*sealed, &files));
    EXPECT_EQ(manifest.files.size(), 3) << "call " << call;
  }
}

TEST(SealedFolderCrashTest, ReplacedFolderComesBackWhenTheNewOneCannotTakeItsPlace) {
  SimulatedDisk disk;
  SimulatedFileSystem files(&disk);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(&files, 1));
  bool was_away = false;
  files.SetFault([&](SimulatedFileSystem::Call call, std::string_view) -> absl::Status {
    const bool is_second = call == SimulatedFileSystem::Call::kRename && !was_away && !files.IsFolder(path);
    was_away = was_away || is_second;
    return is_second ? absl::UnavailableError("the server is gone") : absl::OkStatus();
  });
  const auto write = [&files](const std::string& directory, std::vector<std::string>* names) {
    names->push_back("state.json");
    return common::WriteFileAtomically(&files, directory + "/state.json", "{}");
  };
  EXPECT_FALSE(SealFolder(FolderOf(&files, 1, DigestOf(2)), write).ok());
  EXPECT_TRUE(was_away);
  ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(path, &files));
  EXPECT_EQ(manifest.weight_digest, common::HexOf(DigestOf(1)));
}

TEST(SealedFolderCrashTest, DiskThatIsFullAtAnyByteLeavesTheCheckpointBeforeAndNothingElse) {
  for (int64_t room_bytes = 0; room_bytes < 8000; room_bytes += 97) {
    SimulatedDisk disk;
    SimulatedFileSystem files(&disk);
    ASSERT_OK(Seal(&files, 1));
    disk.SetCapacity(disk.UsedBytes() + room_bytes);
    const absl::StatusOr<std::string> sealed = Seal(&files, 2);
    EXPECT_OK(VerifyManifest(std::string(kParent) + "/step-000001", &files));
    if (sealed.ok()) continue;
    ASSERT_OK(DiscardFolder(FolderOf(&files, 2, DigestOf(2))));
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, files.List(kParent));
    EXPECT_EQ(sealed.status().code(), absl::StatusCode::kResourceExhausted) << sealed.status();
    EXPECT_EQ(names, std::vector<std::string>{"step-000001"});
  }
}

}  // namespace
}  // namespace cohort::learner
