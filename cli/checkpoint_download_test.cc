// SPDX-License-Identifier: Apache-2.0
#include "cli/checkpoint_download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/fake_job_service.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

namespace fs = std::filesystem;
using cohort::v1::DownloadCheckpointResponse;
using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kName[] = "namespaces/default/jobs/demo/checkpoints/3";

class CheckpointDownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetCheckpoint(/*exists=*/true);
    service_.SetFiles(files_, /*chunk_bytes=*/1000);
    download_ = {.name = "namespaces/default/jobs/demo/checkpoints/latest",
                 .target = dir_.Join("target"),
                 .patience = absl::Seconds(20)};
  }
  void SetCheckpoint(bool exists) {
    cohort::v1::Checkpoint checkpoint;
    checkpoint.set_name(kName);
    checkpoint.set_digest(std::string(32, '\xAB'));
    checkpoint.set_exists(exists);
    service_.SetCheckpoints({checkpoint});
  }
  absl::Status Download() {
    JobClient client(service_.Address(), absl::Seconds(20));
    return DownloadCheckpoint(&client, download_);
  }
  std::map<std::string, std::string> FilesOfTarget() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(download_.target)) {
      files[entry.path().filename().string()] = *common::ReadFile(entry.path().string());
    }
    return files;
  }
  std::vector<std::string> NamesBesideTarget() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_.path())) names.push_back(entry.path().filename().string());
    return names;
  }

  const std::map<std::string, std::string> files_ = {
      {"config.json", "{}"}, {"empty", ""}, {"model.safetensors", std::string(4500, 'w')}};
  common::TempDir dir_;
  FakeJobService service_;
  CheckpointDownload download_;
};

TEST_F(CheckpointDownloadTest, TargetIsTheCheckpointAndNothingElseStays) {
  std::vector<int64_t> progress;
  download_.on_progress = [&](int64_t num_bytes, int64_t total_bytes) {
    progress.push_back(num_bytes);
    EXPECT_EQ(total_bytes, 4502);
  };
  download_.for_inference = true;
  download_.target += "/";
  ASSERT_OK(Download());
  EXPECT_EQ(FilesOfTarget(), files_);
  EXPECT_EQ(NamesBesideTarget(), std::vector<std::string>{"target"});
  EXPECT_EQ(progress.front(), 0);
  EXPECT_EQ(progress.back(), 4502);
  ASSERT_EQ(service_.Downloads().size(), 1u);
  EXPECT_EQ(service_.Downloads()[0].name(), kName) << "one version, however long it takes";
  EXPECT_TRUE(service_.Downloads()[0].for_inference());
}

TEST_F(CheckpointDownloadTest, FoldersAboveTheTargetAreMade) {
  download_.target = dir_.Join("models/of/mine");
  ASSERT_OK(Download());
  EXPECT_EQ(FilesOfTarget(), files_);
}

TEST_F(CheckpointDownloadTest, BrokenStreamGoesOnWhereItBroke) {
  int num_chunks = 0;
  service_.ChangeDownloads(
      [&](DownloadCheckpointResponse& part) { return !part.has_chunk() || ++num_chunks % 3 != 0; });
  ASSERT_OK(Download());
  EXPECT_EQ(FilesOfTarget(), files_);
  const auto requests = service_.Downloads();
  ASSERT_GT(requests.size(), 1u);
  int64_t num_held = 0;
  for (const auto& held : requests.back().held()) num_held += held.num_bytes();
  EXPECT_GT(num_held, 0);
}

TEST_F(CheckpointDownloadTest, LaterCallGoesOnWithWhatAnEarlierOneHasLeft) {
  int num_chunks = 0;
  service_.ChangeDownloads([&](DownloadCheckpointResponse& part) { return !part.has_chunk() || ++num_chunks <= 3; });
  download_.patience = absl::ZeroDuration();
  EXPECT_THAT(Download(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(fs::exists(download_.target));
  EXPECT_EQ(NamesBesideTarget(), std::vector<std::string>{"target.partial-abababababababab"});
  num_chunks = -100;
  ASSERT_OK(Download());
  EXPECT_EQ(FilesOfTarget(), files_);
  EXPECT_EQ(NamesBesideTarget(), std::vector<std::string>{"target"});
  EXPECT_EQ(num_chunks, -100 + 3) << "what was there did not come again";
}

TEST_F(CheckpointDownloadTest, DamagedPieceIsRefusedAndNothingIsLeft) {
  service_.ChangeDownloads([](DownloadCheckpointResponse& part) {
    if (part.has_chunk() && part.chunk().offset() == 2000) (*part.mutable_chunk()->mutable_data())[7] ^= 1;
    return true;
  });
  EXPECT_THAT(Download(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("model.safetensors: the checksum differs")));
  EXPECT_THAT(NamesBesideTarget(), IsEmpty());
  EXPECT_EQ(service_.Downloads().size(), 1u) << "the server would send the same again";
}

TEST_F(CheckpointDownloadTest, LeftoverThatIsDamagedIsFetchedAgain) {
  fs::create_directory(dir_.Join("target.partial-abababababababab"));
  std::ofstream(dir_.Join("target.partial-abababababababab/model.safetensors")) << std::string(2000, 'x');
  std::ofstream(dir_.Join("target.partial-abababababababab/optimizer.safetensors")) << "of another kind of download";
  ASSERT_OK(Download());
  EXPECT_EQ(FilesOfTarget(), files_);
  EXPECT_EQ(service_.Downloads().size(), 2u);
}

TEST_F(CheckpointDownloadTest, ServerThatNamesAFileElsewhereIsRefusedAndNothingIsLeft) {
  service_.ChangeDownloads([](DownloadCheckpointResponse& part) {
    if (part.has_listing()) part.mutable_listing()->mutable_files(0)->set_name("../escaped");
    return true;
  });
  EXPECT_THAT(Download(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("../escaped")));
  EXPECT_THAT(NamesBesideTarget(), IsEmpty());
}

TEST_F(CheckpointDownloadTest, TargetThatIsThereIsNotTouched) {
  fs::create_directory(download_.target);
  EXPECT_THAT(Download(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(download_.target)));
  EXPECT_THAT(FilesOfTarget(), IsEmpty());
  EXPECT_TRUE(service_.Downloads().empty());
}

TEST_F(CheckpointDownloadTest, CheckpointThatIsGoneLeavesNothing) {
  SetCheckpoint(/*exists=*/false);
  EXPECT_THAT(Download(), StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("removed"), HasSubstr(kName))));
  service_.SetCheckpoints({});
  EXPECT_THAT(Download(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(NamesBesideTarget(), IsEmpty());
}

}  // namespace
}  // namespace cohort::cli
