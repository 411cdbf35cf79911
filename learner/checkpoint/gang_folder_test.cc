// SPDX-License-Identifier: Apache-2.0
// Three ranks that write one checkpoint: in any order, late, failing, and dying at every call that changes the disk.
#include "learner/checkpoint/gang_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/sealed_folder.h"

namespace cohort::learner {
namespace {

using common::SimulatedDisk;
using common::SimulatedFileSystem;
using common::StatusIs;
using Moment = SimulatedFileSystem::Moment;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kParent[] = "/runs/job/checkpoints";
constexpr int kNumRanks = 3;

class GangFolderTest : public ::testing::Test {
 protected:
  static GangFolder Folder(int rank, SimulatedFileSystem* files, int64_t version = 2, int64_t incarnation = 1) {
    return {.parent = kParent,
            .policy_version = version,
            .weight_digest = std::string(32, static_cast<char>('a' + version)),
            .incarnation = incarnation,
            .place = {.rank = rank, .world_size = kNumRanks},
            .files = files};
  }
  // Two files for each rank.
  static FolderWriter WriterOf(int rank, SimulatedFileSystem* files) {
    return [rank, files](const std::string& directory, std::vector<std::string>* names) -> absl::Status {
      for (const char* kind : {"weights", "moments"}) {
        const std::string name = absl::StrCat(kind, rank);
        const absl::Status written =
            common::WriteFileAtomically(files, absl::StrCat(directory, "/", name), std::string(1000, 'w'));
        if (!written.ok()) return written;
        names->push_back(name);
      }
      return absl::OkStatus();
    };
  }
  static absl::Status Write(int rank, SimulatedFileSystem* files, int64_t version = 2) {
    return WritePart(Folder(rank, files, version), WriterOf(rank, files)).status();
  }
  // Rank 0, as time goes by while it waits; every pause is one of `while_waiting`.
  absl::StatusOr<std::string> Seal(
      SimulatedFileSystem* files, int64_t version = 2, const std::function<void()>& while_waiting = [] {},
      int64_t incarnation = 1) {
    const PartWait wait = {.clock = &clock_,
                           .pause =
                               [&](absl::Duration pause) {
                                 clock_.Advance(pause);
                                 while_waiting();
                               },
                           .is_gang_over = [this] { return is_gang_over_; }};
    return SealFolder(Folder(0, files, version, incarnation), WriterOf(0, files), wait);
  }
  void SealAll(SimulatedFileSystem* files, int64_t version) {
    for (int rank = 1; rank < kNumRanks; ++rank) ASSERT_OK(Write(rank, files, version));
    ASSERT_OK(Seal(files, version));
  }
  static std::vector<std::string> NamesIn(SimulatedFileSystem* files, const std::string& folder) {
    return *files->List(folder);
  }
  static void ExpectWhole(SimulatedFileSystem* files, const std::string& path) {
    ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, VerifyManifest(path, files));
    std::vector<std::string> names;
    for (const ManifestEntry& file : manifest.files) names.push_back(file.name);
    EXPECT_THAT(names, ElementsAre("moments0", "moments1", "moments2", "weights0", "weights1", "weights2"));
  }

  SimulatedDisk disk_;
  SimulatedFileSystem files_{&disk_};
  common::SimulatedClock clock_;
  bool is_gang_over_ = false;
};

TEST_F(GangFolderTest, PartsThatAreThereAreSealedWithoutWaiting) {
  ASSERT_OK(Write(2, &files_));
  ASSERT_OK(Write(1, &files_));
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(&files_));
  EXPECT_EQ(path, absl::StrCat(kParent, "/step-000002"));
  ExpectWhole(&files_, path);
  EXPECT_EQ(NamesIn(&files_, path).size(), 7) << "and the manifest: nothing is left of the parts";
  EXPECT_THAT(NamesIn(&files_, kParent), ElementsAre("step-000002"));
}

TEST_F(GangFolderTest, LatePartsAreWaitedFor) {
  int num_pauses = 0;
  const auto while_waiting = [&] {
    ++num_pauses;
    if (num_pauses != 5 && num_pauses != 9) return;
    ASSERT_OK(Write(num_pauses == 5 ? 1 : 2, &files_));
  };
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(&files_, 2, while_waiting));
  EXPECT_EQ(num_pauses, 9);
  ExpectWhole(&files_, path);
}

TEST_F(GangFolderTest, RanksThatWriteAtTheSameTimeSealEveryVersion) {
  for (int64_t version = 1; version <= 20; ++version) {
    std::vector<std::thread> ranks;
    for (int rank = 1; rank < kNumRanks; ++rank) {
      ranks.emplace_back([this, rank, version] { EXPECT_OK(Write(rank, &files_, version)); });
    }
    common::SimulatedClock clock;  // stands still: nobody is too late
    const PartWait wait = {.clock = &clock,
                           .pause = [](absl::Duration) { std::this_thread::yield(); },
                           .is_gang_over = [] { return false; }};
    const auto path = SealFolder(Folder(0, &files_, version), WriterOf(0, &files_), wait);
    for (std::thread& rank : ranks) rank.join();
    ASSERT_OK(path);
    ExpectWhole(&files_, *path);
    ASSERT_OK(PruneCheckpoints(kParent, {.keep_last = 2, .recorded_version = version, .incarnation = 1}, &files_));
  }
  EXPECT_THAT(NamesIn(&files_, kParent), ElementsAre("step-000019", "step-000020"));
}

TEST_F(GangFolderTest, FolderThatIsInPlaceButNotSyncedIsSealedByTheNextTryWithoutTheOthers) {
  for (int rank = 1; rank < kNumRanks; ++rank) ASSERT_OK(Write(rank, &files_));
  files_.SetFault([this](SimulatedFileSystem::Call call, std::string_view path) {
    const bool is_last_sync = call == SimulatedFileSystem::Call::kSyncFolder && path == kParent;
    return is_last_sync && files_.IsFolder(SealedFolderPath(kParent, 2)) ? absl::InternalError("") : absl::OkStatus();
  });
  EXPECT_THAT(Seal(&files_), StatusIs(absl::StatusCode::kInternal));
  files_.SetFault([](SimulatedFileSystem::Call, std::string_view) { return absl::OkStatus(); });
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(&files_, 2, [] { FAIL() << "nobody comes any more"; }));
  ExpectWhole(&files_, path);
}

TEST_F(GangFolderTest, RankThatFailsIsNamedAtOnceAndMayTryAgain) {
  files_.SetFault([](SimulatedFileSystem::Call call, std::string_view path) {
    const bool is_bad = call == SimulatedFileSystem::Call::kSync && path.find("moments1") != std::string_view::npos;
    return is_bad ? absl::ResourceExhaustedError("no room for moments1") : absl::OkStatus();
  });
  EXPECT_THAT(Write(1, &files_), StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK(Write(2, &files_));
  EXPECT_THAT(Seal(&files_, 2, [] { FAIL() << "nothing is waited for"; }),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("rank 1: no room for moments1")));
  files_.SetFault([](SimulatedFileSystem::Call, std::string_view) { return absl::OkStatus(); });
  // In a second try its failure is forgotten as soon as it is at it, and the parts that are there are not written
  // again.
  const int64_t before = files_.num_calls();
  ASSERT_OK(Write(2, &files_));
  EXPECT_EQ(files_.num_calls(), before);
  ASSERT_OK(Write(1, &files_));
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(&files_));
  ExpectWhole(&files_, path);
  EXPECT_EQ(NamesIn(&files_, path).size(), 7);
}

TEST_F(GangFolderTest, RankThatWillNotWriteIsNamedWithItsReason) {
  AbandonPart(Folder(2, &files_), absl::ResourceExhaustedError("no memory for the copy"));
  ASSERT_OK(Write(1, &files_));
  EXPECT_THAT(Seal(&files_), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("rank 2: no memory for the copy")));
}

TEST_F(GangFolderTest, RankOfWhichNothingComesIsGivenUpAfterALongTimeWithoutChange) {
  ASSERT_OK(Write(1, &files_));
  const auto grow = [&] {  // rank 2 writes for an hour, and then no more
    if (clock_.Monotonic() < absl::Hours(1)) {
      ASSERT_OK(common::AppendToFile(&files_, Folder(2, &files_).Path() + "/weights2.partial-7", "w"));
    }
  };
  EXPECT_THAT(Seal(&files_, 2, grow), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("of rank 2")));
  EXPECT_GT(clock_.Monotonic(), absl::Minutes(70) - absl::Seconds(1));
  EXPECT_LT(clock_.Monotonic(), absl::Minutes(71));
  ASSERT_OK(DiscardFolder(Folder(0, &files_)));
  EXPECT_TRUE(NamesIn(&files_, kParent).empty());
}

TEST_F(GangFolderTest, GangThatIsOverIsSealedWhenItsPartsAreThereAndElseSoonGivenUp) {
  is_gang_over_ = true;
  ASSERT_OK(Write(1, &files_));
  EXPECT_THAT(Seal(&files_), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_LT(clock_.Monotonic(), absl::Seconds(10));
  ASSERT_OK(Write(2, &files_));
  EXPECT_OK(Seal(&files_));
}

TEST_F(GangFolderTest, RankIsNotHeldUpByAFolderThatWasGivenUp) {
  bool is_first = true;
  const FolderWriter write = [&](const std::string& directory, std::vector<std::string>* names) {
    if (std::exchange(is_first, false)) {
      EXPECT_OK(DiscardFolder(Folder(0, &files_)));
    }
    return WriterOf(1, &files_)(directory, names);
  };
  EXPECT_THAT(WritePart(Folder(1, &files_), write), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(NamesIn(&files_, kParent).empty()) << "and it is not made again";
}

TEST_F(GangFolderTest, PartsOfAnotherGangOrOfOtherWeightsAreNotTaken) {
  GangFolder other = Folder(1, &files_);
  other.weight_digest = std::string(32, 'x');
  ASSERT_OK(WritePart(other, WriterOf(1, &files_)));
  ASSERT_OK(WritePart(Folder(2, &files_, 2, /*incarnation=*/7), WriterOf(2, &files_)));
  EXPECT_THAT(Seal(&files_), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("of rank 1, 2")));
}

TEST_F(GangFolderTest, PartWhoseFileIsGoneIsDamaged) {
  for (int rank : {1, 2}) ASSERT_OK(Write(rank, &files_));
  ASSERT_OK(files_.Remove(Folder(1, &files_).Path() + "/moments1"));
  EXPECT_THAT(Seal(&files_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("moments1: missing")));
}

TEST_F(GangFolderTest, VersionThatIsSealedAlreadyStaysAndItsPartsGo) {
  SealAll(&files_, 2);
  SealAll(&files_, 2);
  EXPECT_THAT(NamesIn(&files_, kParent), ElementsAre("step-000002"));
  ExpectWhole(&files_, absl::StrCat(kParent, "/step-000002"));
}

// One rank dies at every call that changes the disk, in the middle of every write, with and without loss of power. What
// the others do then, and the next gang, leaves no half checkpoint.
TEST_F(GangFolderTest, DeathOfAnyRankAtAnyCallLeavesTheCheckpointBefore) {
  is_gang_over_ = true;
  for (int dying_rank = 0; dying_rank < kNumRanks; ++dying_rank) {
    bool has_survived = false;
    for (int64_t call = 1; !has_survived; ++call) {
      ASSERT_LT(call, 200);
      for (const Moment moment : {Moment::kBefore, Moment::kWithin, Moment::kAfter}) {
        for (int seed = 0; seed <= 2; ++seed) {
          SCOPED_TRACE(absl::StrCat("rank ", dying_rank, ", call ", call, ", moment ", static_cast<int>(moment),
                                    ", seed ", seed));
          SimulatedDisk disk;
          SimulatedFileSystem files(&disk), dying(&disk);
          SealAll(&files, 1);
          dying.DieAt(call, moment);
          const auto files_of = [&](int rank) { return rank == dying_rank ? &dying : &files; };
          for (int rank = kNumRanks - 1; rank > 0; --rank) (void)Write(rank, files_of(rank));
          const bool is_sealed = Seal(files_of(0)).ok();
          has_survived = !dying.is_dead();
          EXPECT_TRUE(is_sealed || !has_survived);
          common::SeededRandom random(static_cast<uint64_t>(call * 10 + seed));
          if (seed > 0) disk.LosePower(&random);

          SimulatedFileSystem next(&disk);
          const std::vector<SealedFolder> sealed = ListSealedFolders(kParent, &next);
          ASSERT_FALSE(sealed.empty());
          EXPECT_EQ(sealed.back().policy_version, 1);
          if (is_sealed) {
            EXPECT_EQ(sealed.front().policy_version, 2);
          }
          for (const SealedFolder& folder : sealed) ExpectWhole(&next, folder.path);
          // The next gang needs nothing but the disk, and clears what is left.
          for (int rank = 1; rank < kNumRanks; ++rank) {
            ASSERT_OK(WritePart(Folder(rank, &next, 2, /*incarnation=*/2), WriterOf(rank, &next)));
          }
          ASSERT_OK(Seal(
              &next, 2, [] {}, /*incarnation=*/2));
          ASSERT_OK(PruneCheckpoints(kParent, {.recorded_version = 2, .incarnation = 2}, &next));
          EXPECT_THAT(NamesIn(&next, kParent), ElementsAre("step-000002"));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_F(GangFolderTest, DiskThatIsFullAtAnyByteLeavesTheCheckpointBeforeAndNothingElse) {
  int num_sealed = 0;
  for (int64_t room_bytes = 0; room_bytes < 12'000; room_bytes += 97) {
    SimulatedDisk disk;
    SimulatedFileSystem files(&disk);
    SealAll(&files, 1);
    disk.SetCapacity(disk.UsedBytes() + room_bytes);
    for (int rank = 1; rank < kNumRanks; ++rank) (void)Write(rank, &files);
    const bool is_sealed = Seal(&files).ok();
    num_sealed += is_sealed;
    EXPECT_OK(VerifyManifest(absl::StrCat(kParent, "/step-000001"), &files));
    if (is_sealed) continue;
    ASSERT_OK(DiscardFolder(Folder(0, &files)));
    EXPECT_THAT(NamesIn(&files, kParent), ElementsAre("step-000001"));
  }
  EXPECT_GT(num_sealed, 0);
}

}  // namespace
}  // namespace cohort::learner
