// SPDX-License-Identifier: Apache-2.0
// Jobs whose datasets take a while to be read, and who does not wait for that.
#include "coordinator/dataset_opening.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/watched_file_system.h"
#include "coordinator/dataset/row_index_store.h"
#include "coordinator/dataset_cache.h"
#include "coordinator/job_data.h"
#include "coordinator/job_store.h"
#include "coordinator/job_uploads.h"
#include "coordinator/reader_threads.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class DatasetOpeningTest : public BenchCoordinator {
 protected:
  // Two SFT jobs, the younger one with a dataset of its own.
  void CreateTwo() {
    ASSERT_OK(Create("first", SmallSftSpec()));
    ASSERT_OK(common::WriteFileAtomically(folder_.Join("other.jsonl"), "{\"question\": \"1\", \"answer\": \"2\"}\n"));
    cohort::v1::JobSpec other = SmallSftSpec();
    other.mutable_sft()->mutable_data()->mutable_jsonl()->set_path("other.jsonl");
    ASSERT_OK(Create("second", other));
  }
  // From now on datasets are read when the test says so, in the order in which that began.
  void ReadLater() {
    context_.read_apart = [this](CoordinatorContext::Reading kind, std::function<void()> work) {
      readings_.push_back(std::move(work));
      last_kind_ = kind;
    };
  }
  void Read(size_t number) { std::exchange(readings_[number], nullptr)(); }
  // A rank that waits for a place from now on.
  void BeginJoin(const std::string& learner) {
    cohort::v1::JoinGangRequest request;
    request.set_learner_id(learner);
    ASSERT_OK(gangs_->BeginJoin(request));
    gangs_->HasPlace(learner);
  }
  void AskQueue() { gangs_->HasPlace("rank-1"); }
  // Of files that were written a minute ago, of any size.
  absl::StatusOr<std::unique_ptr<RowIndexStore>> OpenIndices(common::WatchedFileSystem* files) {
    const int64_t written = absl::ToUnixNanos(clock_.Now() - absl::Minutes(1));
    files->ChangeVersions(
        [written](common::FileVersion* version) { version->modified_unix_ns = version->changed_unix_ns = written; });
    return RowIndexStore::Open(folder_.Join("index"), &clock_, files, {.min_file_bytes = 1});
  }
  // Two jobs and a rank; the dataset of the older one is gone, which its first reading has found.
  void ReadFirstInVain() {
    CreateTwo();
    std::filesystem::remove(folder_.Join("problems.jsonl"));
    ReadLater();
    BeginJoin("rank-1");
    Read(0);
    AskQueue();
  }
  bool IsRunning(const std::string& id) { return Get(id).state() == cohort::v1::JOB_STATE_RUNNING; }

  std::vector<std::function<void()>> readings_;
  CoordinatorContext::Reading last_kind_ = CoordinatorContext::Reading::kDataset;
};

TEST_F(DatasetOpeningTest, JobIsNotDelayedByTheReadingOfAnother) {
  CreateTwo();
  ReadLater();
  BeginJoin("rank-1");
  BeginJoin("rank-2");
  ASSERT_THAT(readings_, SizeIs(2));
  EXPECT_THAT(Runtime("first")->Waiting().waits_for, HasSubstr("its dataset to be read: problems.jsonl"));
  Read(1);
  AskQueue();
  EXPECT_TRUE(IsRunning("second"));
  EXPECT_FALSE(IsRunning("first"));
  Read(0);
  AskQueue();
  EXPECT_TRUE(IsRunning("first"));
}

TEST_F(DatasetOpeningTest, RanksOfAJobWhoseDatasetIsReadAreNotGivenToAYoungerOne) {
  CreateTwo();
  ReadLater();
  BeginJoin("rank-1");
  Tick();
  EXPECT_THAT(readings_, SizeIs(1));
  EXPECT_FALSE(IsRunning("second"));
  EXPECT_EQ(Get("first").state_reason(), "waits for learner ranks") << "nothing has failed";
  Read(0);
  AskQueue();
  EXPECT_TRUE(IsRunning("first"));
}

TEST_F(DatasetOpeningTest, JobWhoseDatasetCannotBeReadKeepsNoRanksWhileItIsReadAgain) {
  ReadFirstInVain();
  EXPECT_THAT(Get("first").state_reason(), HasSubstr("cannot start: sft.data.jsonl.path: "));
  ASSERT_THAT(readings_, SizeIs(2)) << "the rank went to the second job, whose dataset is read now";
  Read(1);
  clock_.Advance(DatasetOpening::kFirstWait);
  AskQueue();
  EXPECT_TRUE(IsRunning("second"));
  // The first job was tried again meanwhile, and waited for without the rank.
  ASSERT_THAT(readings_, SizeIs(3));
  WriteRows(10);
  Read(2);
  BeginJoin("rank-2");
  EXPECT_TRUE(IsRunning("first"));
}

TEST_F(DatasetOpeningTest, QueueGoesOnWhileADatasetThatIsGoneIsReadForTheThirdTime) {
  ReadFirstInVain();
  Read(1);
  clock_.Advance(DatasetOpening::kFirstWait);
  AskQueue();
  ASSERT_THAT(readings_, SizeIs(3));
  Read(2);
  BeginJoin("rank-2");  // takes the error of the second reading of the first job
  clock_.Advance(2 * DatasetOpening::kFirstWait);
  BeginJoin("rank-3");  // begins the third: did not return
  EXPECT_THAT(readings_, SizeIs(4));
  EXPECT_FALSE(IsRunning("first"));
  EXPECT_TRUE(IsRunning("second"));
}

TEST_F(DatasetOpeningTest, DatasetThatStaysUnreadableIsReadAgainAfterLongerAndLongerWaits) {
  ASSERT_OK(Create("sums", SmallSftSpec()));
  std::filesystem::remove(folder_.Join("problems.jsonl"));
  ReadLater();
  BeginJoin("rank-1");
  size_t num_readings = 1;
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30}) {
    ASSERT_THAT(readings_, SizeIs(num_readings));
    Read(num_readings - 1);
    for (int change = 0; change < 10; ++change) {
      signal_.Notify();
      Tick();
    }
    clock_.Advance(absl::Seconds(seconds) - absl::Milliseconds(1));
    Tick();
    EXPECT_THAT(readings_, SizeIs(num_readings)) << "changes, but no time: " << seconds;
    EXPECT_THAT(Get("sums").state_reason(), HasSubstr("cannot start: sft.data.jsonl.path: "));
    clock_.Advance(absl::Milliseconds(1));
    Tick();
    ++num_readings;
  }
  ASSERT_THAT(readings_, SizeIs(num_readings));
  WriteRows(10);
  Read(num_readings - 1);
  AskQueue();
  EXPECT_TRUE(IsRunning("sums"));
}

TEST_F(DatasetOpeningTest, LeasesAreKeptAndSubmitsAskedForAgainUntilTheDatasetIsThere) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 4);
  Restart();
  ReadLater();
  EXPECT_EQ(NumLost("worker", claimed), 0);
  EXPECT_THAT(WhyTryAgain(Submit(claimed)), HasSubstr("being read"));
  Tick();
  EXPECT_EQ(NumLost("worker", claimed), 0);
  ASSERT_THAT(readings_, SizeIs(1)) << "however often it is asked for";
  Read(0);
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
  for (const auto& receipt : receipts) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
}

TEST_F(DatasetOpeningTest, JobWithoutRanksStartsWhenItsDatasetIsThere) {
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"), "{\"question\": \"1\", \"answer\": \"2\"}\n"));
  ASSERT_OK(Create("eval", SmallEvalSpec(4)));
  ReadLater();
  Tick();
  EXPECT_FALSE(IsRunning("eval"));
  EXPECT_THAT(Runtime("eval")->Waiting().waits_for,
              AllOf(HasSubstr("held_out.jsonl, and the weights in "), HasSubstr("/model")));
  EXPECT_EQ(num_folders_read_, 0);
  EXPECT_EQ(last_kind_, CoordinatorContext::Reading::kWeights) << "they may take minutes";
  Read(0);
  EXPECT_EQ(num_folders_read_, 1) << "where the dataset is read";
  Tick();
  EXPECT_TRUE(IsRunning("eval"));
}

TEST_F(DatasetOpeningTest, NobodyWaitsForAThreadThatReads) {
  common::WatchedFileSystem files(common::RealFileSystem());
  const std::string slow = folder_.Join("problems.jsonl");
  CreateTwo();
  context_.dataset_files = &files;
  files.Hold(slow);
  ReaderThreads readers(2);
  context_.read_apart = [&readers](CoordinatorContext::Reading, std::function<void()> work) {
    readers.Run(std::move(work));
  };
  BeginJoin("rank-1");
  files.WaitForReader();
  // While the thread is in the middle of the file: queue, ticks, joins and the job itself.
  Tick();
  EXPECT_EQ(Get("first").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Runtime("first")->Waiting().waits_for, HasSubstr("its dataset to be read"));
  cohort::v1::JobSpec third = SmallSftSpec();
  third.mutable_sft()->mutable_data()->mutable_jsonl()->set_path("other.jsonl");
  ASSERT_OK(Create("third", third));
  BeginJoin("rank-2");
  const auto wait_until_running = [&](const std::string& id) {
    for (int64_t seen = signal_.count();; seen = signal_.count()) {
      AskQueue();
      if (IsRunning(id)) return;
      signal_.WaitBeyond(seen, absl::InfiniteFuture(), [] { return false; });
    }
  };
  wait_until_running("second");
  EXPECT_FALSE(IsRunning("first"));
  files.Release(slow);
  wait_until_running("first");
}

TEST_F(DatasetOpeningTest, WhoReadsOneJobBackDoesNotWaitForTheDatasetOfAnother) {
  common::WatchedFileSystem files(common::RealFileSystem());
  const std::string slow = folder_.Join("problems.jsonl");
  CreateTwo();
  context_.dataset_files = &files;
  files.Hold(slow);
  DatasetCache cache(&context_);
  ASSERT_OK_AND_ASSIGN(const JobRecord first, store_.GetJob(NameOf("first")));
  ASSERT_OK_AND_ASSIGN(const JobRecord second, store_.GetJob(NameOf("second")));
  std::shared_ptr<const JobData> data;
  std::thread reader([&] { data = cache.DataOf(first); });
  files.WaitForReader();
  EXPECT_NE(cache.DataOf(second), nullptr);
  files.Release(slow);
  reader.join();
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(cache.DataOf(first), data);
}

TEST_F(DatasetOpeningTest, JobIsTakenUpAfterARestartWithoutReadingAnUnchangedDataset) {
  common::WatchedFileSystem files(common::RealFileSystem());
  ASSERT_OK_AND_ASSIGN(const auto indices, OpenIndices(&files));
  const auto use_indices = [&] {
    context_.dataset_files = &files;
    context_.row_indices = indices.get();
  };
  use_indices();
  const std::string path = folder_.Join("problems.jsonl");
  ASSERT_OK(Create("sums", SmallSftSpec()));
  const int64_t num_bytes = files.NumBytesRead(path);
  EXPECT_GT(num_bytes, 0);
  Restart();
  use_indices();
  EXPECT_EQ(Join().job(), NameOf("sums"));
  EXPECT_EQ(files.NumBytesRead(path), num_bytes);
}

TEST_F(DatasetOpeningTest, IndexThatNoJobNamesIsRemovedAfterADay) {
  common::WatchedFileSystem files(common::RealFileSystem());
  ASSERT_OK_AND_ASSIGN(const auto indices, OpenIndices(&files));
  context_.dataset_files = &files;
  context_.row_indices = indices.get();
  CreateTwo();
  UploadSweep sweep(&context_);
  clock_.Advance(absl::Hours(25));
  sweep.Tick();
  EXPECT_THAT(*files.List(folder_.Join("index")), SizeIs(2));
  ASSERT_OK(directory_->Cancel(NameOf("second")));
  cohort::v1::DeleteJobRequest request;
  request.set_name(NameOf("second"));
  directory_->Reap();
  ASSERT_OK(directory_->Delete(request));
  clock_.Advance(absl::Hours(25));
  sweep.Tick();
  EXPECT_THAT(*files.List(folder_.Join("index")),
              testing::ElementsAre(RowIndexStore::NameOf(folder_.Join("problems.jsonl"), /*max_rows=*/0)));
}

}  // namespace
}  // namespace cohort::coordinator
