// SPDX-License-Identifier: Apache-2.0
#include "coordinator/checkpoint_download.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "coordinator/testing/manifest_text.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

namespace fs = std::filesystem;
using common::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kJob[] = "namespaces/default/jobs/demo";
constexpr int64_t kPartBytes = 1 << 20;

// A job with a sealed checkpoint of version 12; what a receiver makes of a download of it.
class CheckpointDownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    contents_ = {{"config.json", "{}"},
                 {"empty", ""},
                 {"model.safetensors", std::string(2 * kPartBytes + 17, 'w')},
                 {"optimizer.safetensors", std::string(5000, 'o')},
                 {"train_state.json", "{\"policy_version\": 12}"}};
    Seal();
    Record(12, folder_);
  }
  static void Write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
  void Seal() {
    std::vector<std::string> entries;
    for (const auto& [name, content] : contents_) {
      Write(folder_ + "/" + name, content);
      entries.push_back(ManifestEntry(name, content));
    }
    manifest_ = ManifestText(12, entries);
    Write(folder_ + "/manifest.json", manifest_);
  }
  void Record(int64_t version, const std::string& path) {
    JobRecord record;
    record.job.set_name(kJob);
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    ASSERT_OK(store_->CreateJob(record, event));
    JobChange change;
    change.version = VersionRecord{.version = version, .digest = std::string(32, 'd'), .checkpoint_path = path};
    ASSERT_OK(store_->Apply(kJob, change));
  }
  static cohort::v1::DownloadCheckpointRequest Request(const std::string& version = "12") {
    cohort::v1::DownloadCheckpointRequest request;
    request.set_name(absl::StrCat(kJob, "/checkpoints/", version));
    return request;
  }
  // Puts the pieces behind what is in received_ already.
  absl::Status Download(const cohort::v1::DownloadCheckpointRequest& request) {
    listing_.Clear();
    const CheckpointSource source = {
        .store = store_.get(), .files = common::RealFileSystem(), .checkpoint_root = root_.path()};
    return DownloadCheckpoint(source, request, [this](const cohort::v1::DownloadCheckpointResponse& part) {
      if (part.has_listing()) {
        listing_ = part.listing();
        for (const auto& file : listing_.files()) received_[file.name()];
        return true;
      }
      const cohort::v1::FileChunk& chunk = part.chunk();
      std::string& content = received_[listing_.files(chunk.file()).name()];
      EXPECT_EQ(chunk.offset(), static_cast<int64_t>(content.size()));
      EXPECT_LE(chunk.data().size(), static_cast<size_t>(kPartBytes));
      EXPECT_FALSE(chunk.data().empty());
      content += chunk.data();
      num_bytes_ += static_cast<int64_t>(chunk.data().size());
      if (on_chunk_) on_chunk_();
      return --max_chunks_ > 0;
    });
  }
  std::vector<std::string> ListedNames() const {
    std::vector<std::string> names;
    for (const auto& file : listing_.files()) names.push_back(file.name());
    return names;
  }

  common::TempDir root_;
  const std::string folder_ = root_.Join("default/demo/checkpoints/step-000012");
  std::map<std::string, std::string> contents_;
  std::string manifest_;
  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  cohort::v1::CheckpointListing listing_;
  std::map<std::string, std::string> received_;
  int64_t num_bytes_ = 0;
  int max_chunks_ = 1000;
  std::function<void()> on_chunk_;
};

TEST_F(CheckpointDownloadTest, AllFilesComeWithSizesAndDigestsAndTheManifestLast) {
  ASSERT_OK(Download(Request("latest")));
  EXPECT_EQ(listing_.name(), absl::StrCat(kJob, "/checkpoints/12"));
  EXPECT_THAT(ListedNames(), ElementsAre("config.json", "empty", "model.safetensors", "optimizer.safetensors",
                                         "train_state.json", "manifest.json"));
  std::map<std::string, std::string> expected = contents_;
  expected["manifest.json"] = manifest_;
  EXPECT_EQ(received_, expected);
  for (const auto& file : listing_.files()) {
    EXPECT_EQ(file.size_bytes(), static_cast<int64_t>(expected[file.name()].size()));
    EXPECT_EQ(file.sha256(), common::HexOf(common::Sha256Of(expected[file.name()])));
  }
}

TEST_F(CheckpointDownloadTest, WhatOnlyTrainingNeedsIsLeftOutForInference) {
  cohort::v1::DownloadCheckpointRequest request = Request();
  request.set_for_inference(true);
  ASSERT_OK(Download(request));
  EXPECT_THAT(ListedNames(), ElementsAre("config.json", "empty", "model.safetensors"));
}

TEST_F(CheckpointDownloadTest, CheckpointOfSeveralRanksComesWithAllItsShards) {
  for (const char* name : {"model", "optimizer"}) {
    fs::remove(folder_ + "/" + name + ".safetensors");
    contents_.erase(std::string(name) + ".safetensors");
    for (const char* shard : {"-00001-of-00002", "-00002-of-00002"}) {
      contents_[absl::StrCat(name, shard, ".safetensors")] = absl::StrCat(name, shard);
    }
  }
  contents_["model.safetensors.index.json"] = "{}";
  Seal();
  ASSERT_OK(Download(Request()));
  EXPECT_EQ(listing_.files_size(), static_cast<int>(contents_.size()) + 1);
  received_.clear();
  cohort::v1::DownloadCheckpointRequest request = Request();
  request.set_for_inference(true);
  ASSERT_OK(Download(request));
  EXPECT_THAT(ListedNames(), ElementsAre("config.json", "empty", "model-00001-of-00002.safetensors",
                                         "model-00002-of-00002.safetensors", "model.safetensors.index.json"));
}

TEST_F(CheckpointDownloadTest, WhatIsHeldIsNotSentAgain) {
  received_["config.json"] = "{}";
  received_["model.safetensors"] = std::string(kPartBytes, 'w');
  cohort::v1::DownloadCheckpointRequest request = Request();
  for (const auto& [name, content] : received_) {
    cohort::v1::HeldFile& held = *request.add_held();
    held.set_name(name);
    held.set_num_bytes(static_cast<int64_t>(content.size()));
  }
  cohort::v1::HeldFile& unknown = *request.add_held();
  unknown.set_name("../../somewhere else");
  unknown.set_num_bytes(7);
  cohort::v1::HeldFile& too_long = *request.add_held();
  too_long.set_name("train_state.json");
  too_long.set_num_bytes(1'000'000);
  ASSERT_OK(Download(request));
  for (const auto& [name, content] : contents_) EXPECT_EQ(received_[name], content) << name;
  EXPECT_EQ(num_bytes_,
            static_cast<int64_t>(kPartBytes + 17 + 5000 + contents_["train_state.json"].size() + manifest_.size()));
}

TEST_F(CheckpointDownloadTest, CheckpointThatIsRemovedInTheMiddleIsNamed) {
  on_chunk_ = [this] { fs::remove_all(folder_); };
  EXPECT_THAT(Download(Request()),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("was removed"), HasSubstr("demo/checkpoints/12"))));
}

TEST_F(CheckpointDownloadTest, CheckpointThatIsGoneOrWasNeverThereIsNotFound) {
  EXPECT_THAT(Download(Request("13")), StatusIs(absl::StatusCode::kNotFound));
  fs::remove_all(folder_);
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kNotFound, HasSubstr("was removed")));
  cohort::v1::DownloadCheckpointRequest request;
  request.set_name("namespaces/default/jobs/nobody/checkpoints/latest");
  EXPECT_THAT(Download(request), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CheckpointDownloadTest, ReceiverThatHangsUpEndsIt) {
  max_chunks_ = 2;
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(CheckpointDownloadTest, DamagedCheckpointIsRefusedByFile) {
  fs::resize_file(folder_ + "/optimizer.safetensors", 100);
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kDataLoss,
                                            AllOf(HasSubstr("optimizer.safetensors"), HasSubstr("wrong size"))));
  received_.clear();
  fs::remove(folder_ + "/optimizer.safetensors");
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("optimizer.safetensors")));
  fs::remove(folder_ + "/manifest.json");
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("manifest.json")));
}

TEST_F(CheckpointDownloadTest, LinksAreNotFollowed) {
  Write(root_.Join("secret"), contents_["train_state.json"]);
  fs::remove(folder_ + "/train_state.json");
  fs::create_symlink(root_.Join("secret"), folder_ + "/train_state.json");
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is a link")));
}

TEST_F(CheckpointDownloadTest, ManifestThatIsALinkIsNotFollowed) {
  fs::rename(folder_ + "/manifest.json", root_.Join("manifest.json"));
  fs::create_symlink(root_.Join("manifest.json"), folder_ + "/manifest.json");
  for (const bool for_inference : {false, true}) {
    cohort::v1::DownloadCheckpointRequest request = Request();
    request.set_for_inference(for_inference);
    EXPECT_THAT(Download(request),
                StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("manifest.json"), HasSubstr("is a link"))));
  }
}

TEST_F(CheckpointDownloadTest, PipeIsNotWaitedFor) {
  for (const std::string name : {"model.safetensors", "manifest.json"}) {
    fs::remove(folder_ + "/" + name);
    ASSERT_EQ(::mkfifo((folder_ + "/" + name).c_str(), 0600), 0);
    EXPECT_THAT(Download(Request()),
                StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr(name), HasSubstr("is no regular file"))));
  }
}

TEST_F(CheckpointDownloadTest, ManifestThatLeadsOutOfTheFolderIsRefused) {
  Write(folder_ + "/manifest.json", ManifestText(12, {ManifestEntry("../../secret", "s")}));
  EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("plain file name")));
  EXPECT_TRUE(received_.empty());
}

TEST_F(CheckpointDownloadTest, FolderThatIsNotOneOfTheJobsIsRefused) {
  const std::string elsewhere = root_.Join("default/other/checkpoints/step-000012");
  fs::create_directories(fs::path(elsewhere).parent_path());
  fs::copy(folder_, elsewhere);
  fs::create_directory_symlink(elsewhere, root_.Join("default/demo/checkpoints/step-000013"));
  for (const std::string& path : {elsewhere, folder_ + "/../../../other/checkpoints/step-000012",
                                  root_.Join("default/demo/checkpoints/step-000013")}) {
    JobChange change;
    change.version = VersionRecord{.version = 12, .digest = std::string(32, 'd'), .checkpoint_path = path};
    ASSERT_OK(store_->Apply(kJob, change));
    EXPECT_THAT(Download(Request()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path))) << path;
  }
}

TEST_F(CheckpointDownloadTest, WrongRequestsAreNamed) {
  cohort::v1::DownloadCheckpointRequest request = Request("twelve");
  EXPECT_THAT(Download(request), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("name: ")));
  request = Request();
  request.add_held()->set_num_bytes(-1);
  EXPECT_THAT(Download(request), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("held[0].num_bytes: ")));
}

}  // namespace
}  // namespace cohort::coordinator
