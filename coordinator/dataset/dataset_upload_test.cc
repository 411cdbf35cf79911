// SPDX-License-Identifier: Apache-2.0
// Uploads through the store that keeps them.
#include "coordinator/dataset/dataset_upload.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/dataset/dataset_store.h"
#include "coordinator/dataset/receive_upload.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kRows[] = "{\"question\": \"1+1\"}\n{\"question\": \"1+2\"}";

class DatasetUploadTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() { store_ = *DatasetStore::Open(folder_.Join("datasets"), /*max_upload_bytes=*/100, &clock_); }
  static std::string Sha256(const std::string& content) { return common::HexOf(common::Sha256Of(content)); }
  // In pieces of `chunk_bytes`.
  absl::StatusOr<cohort::v1::UploadDatasetResponse> Upload(const std::string& content, const std::string& sha256,
                                                           size_t chunk_bytes = 1000) {
    std::vector<cohort::v1::UploadDatasetRequest> messages(1);
    messages[0].set_sha256(sha256);
    for (size_t at = 0; at < content.size(); at += chunk_bytes) {
      messages.emplace_back().set_chunk(content.substr(at, chunk_bytes));
    }
    return Receive(messages);
  }
  absl::StatusOr<cohort::v1::UploadDatasetResponse> Receive(
      const std::vector<cohort::v1::UploadDatasetRequest>& messages) {
    size_t next = 0;
    return ReceiveUpload(store_.get(), [&](cohort::v1::UploadDatasetRequest* message) {
      if (next == messages.size()) return false;
      *message = messages[next++];
      return true;
    });
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.Join("datasets"))) {
      if (entry.is_regular_file()) files.push_back(entry.path().filename().string());
    }
    return files;
  }
  void ExpectRefused(const absl::StatusOr<cohort::v1::UploadDatasetResponse>& answer, const std::string& field) {
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field + ": ")));
    EXPECT_THAT(Files(), IsEmpty()) << "nothing is left";
  }

  common::TempDir folder_;
  common::SimulatedClock clock_;
  std::unique_ptr<DatasetStore> store_;
};

TEST_F(DatasetUploadTest, FileIsStoredUnderItsDigestInItsNamespace) {
  for (const size_t chunk_bytes : {1, 7, 1000}) {
    ASSERT_OK_AND_ASSIGN(const auto response, Upload(kRows, Sha256(kRows), chunk_bytes));
    EXPECT_EQ(response.sha256(), Sha256(kRows));
    EXPECT_EQ(response.num_rows(), 2);
    EXPECT_EQ(response.num_bytes(), static_cast<int64_t>(std::string(kRows).size()));
    EXPECT_EQ(response.existed(), chunk_bytes > 1);
  }
  ASSERT_OK_AND_ASSIGN(const std::string path, store_->Use("default", Sha256(kRows)));
  EXPECT_EQ(path, folder_.Join("datasets/default/" + Sha256(kRows) + ".jsonl"));
  EXPECT_THAT(common::ReadFile(path), IsOkAndHolds(kRows));
  EXPECT_THAT(store_->Use("other", Sha256(kRows)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Files(), ElementsAre(Sha256(kRows) + ".jsonl"));
}

TEST_F(DatasetUploadTest, WrongContentsAreRefusedByField) {
  ExpectRefused(Upload(kRows, Sha256("other")), "sha256");
  ExpectRefused(Upload(kRows, "abc"), "sha256");
  std::string upper = Sha256(kRows);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  ExpectRefused(Upload(kRows, upper), "sha256");
  ExpectRefused(Upload("", Sha256("")), "chunk");
  ExpectRefused(Receive({}), "sha256");
}

TEST_F(DatasetUploadTest, FirstLineMustBeAJsonObject) {
  for (const std::string content :
       {"question,answer\n1,2\n", "[1]\n", "\n{}\n", " \n", "{\"a\": 1", "{} {}\n", "PK\x03\x04"}) {
    ExpectRefused(Upload(content, Sha256(content), /*chunk_bytes=*/3), "chunk");
  }
  const std::string padded = " {\"a\": 1}\r\n";
  EXPECT_OK(Upload(padded, Sha256(padded)));
}

TEST_F(DatasetUploadTest, WrongMessagesAreRefusedByField) {
  std::vector<cohort::v1::UploadDatasetRequest> messages(2);
  messages[0].set_parent("namespaces/A");
  ExpectRefused(Receive(messages), "parent");
  messages[0].set_parent("namespaces/a");
  messages[0].set_sha256(Sha256(kRows));
  messages[0].set_chunk("{}\n");
  messages[1].set_parent("namespaces/b");
  ExpectRefused(Receive(messages), "parent");
  messages[1].clear_parent();
  messages[1].set_sha256(Sha256(""));
  ExpectRefused(Receive(messages), "sha256");
  messages[1].clear_sha256();
  messages[1].set_chunk(std::string((1 << 20) + 1, ' '));
  ExpectRefused(Receive(messages), "chunk");
}

TEST_F(DatasetUploadTest, LargerFileThanTheCoordinatorTakesIsResourceExhausted) {
  const std::string content = "{}\n" + std::string(98, ' ');
  EXPECT_THAT(Upload(content, Sha256(content), 10),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--max_upload_bytes")));
  EXPECT_THAT(Files(), IsEmpty());
  const std::string largest = content.substr(0, 100);
  EXPECT_OK(Upload(largest, Sha256(largest)));
}

TEST_F(DatasetUploadTest, UploadsOfTheSameFileDoNotDisturbEachOther) {
  ASSERT_OK_AND_ASSIGN(auto one, store_->BeginUpload("default", Sha256(kRows)));
  ASSERT_OK_AND_ASSIGN(auto two, store_->BeginUpload("default", Sha256(kRows)));
  ASSERT_OK(one->Append(std::string(kRows).substr(0, 5)));
  ASSERT_OK(two->Append(kRows));
  ASSERT_OK(two->Finish());
  two.reset();
  ASSERT_OK(one->Append(std::string(kRows).substr(5)));
  ASSERT_OK(one->Finish());
  one.reset();
  EXPECT_THAT(Files(), ElementsAre(Sha256(kRows) + ".jsonl"));
}

TEST_F(DatasetUploadTest, AsManyUploadsAreTakenAtOnceAsThereMayBe) {
  std::vector<std::unique_ptr<DatasetUpload>> uploads;
  for (int i = 0; i < 16; ++i) {
    ASSERT_OK_AND_ASSIGN(auto upload, store_->BeginUpload("default", Sha256(std::to_string(i))));
    uploads.push_back(std::move(upload));
  }
  EXPECT_THAT(store_->BeginUpload("default", Sha256("x")), StatusIs(absl::StatusCode::kUnavailable));
  uploads.pop_back();
  EXPECT_OK(store_->BeginUpload("default", Sha256("x")));
}

TEST_F(DatasetUploadTest, WhatAKilledUploadLeftIsRemovedAtTheNextStart) {
  ASSERT_OK(Upload(kRows, Sha256(kRows)));
  const std::string partial = folder_.Join("datasets/default/" + Sha256("x") + ".jsonl.partial-3");
  ASSERT_OK(common::WriteFileAtomically(partial, "{}"));
  Reopen();
  EXPECT_THAT(Files(), ElementsAre(Sha256(kRows) + ".jsonl"));
}

TEST_F(DatasetUploadTest, UnusedFileIsRemovedAfterItsGrace) {
  ASSERT_OK(Upload(kRows, Sha256(kRows)));
  const std::string other = "{\"b\": 1}\n";
  ASSERT_OK(Upload(other, Sha256(other)));
  const std::set<DatasetStore::Key> needed = {{"default", Sha256(other)}};
  clock_.Advance(absl::Hours(23));
  EXPECT_EQ(store_->RemoveUnused(needed, absl::Hours(24)), 0);
  ASSERT_OK(store_->Use("default", Sha256(kRows)));
  clock_.Advance(absl::Hours(23));
  EXPECT_EQ(store_->RemoveUnused(needed, absl::Hours(24)), 0) << "it was used";
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(store_->RemoveUnused(needed, absl::Hours(24)), 1);
  EXPECT_THAT(Files(), ElementsAre(Sha256(other) + ".jsonl"));
  EXPECT_EQ(store_->RemoveUnused({{"other", Sha256(other)}}, absl::Hours(24)), 1) << "needed in another namespace";
}

}  // namespace
}  // namespace cohort::coordinator
