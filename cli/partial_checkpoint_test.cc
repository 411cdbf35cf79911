// SPDX-License-Identifier: Apache-2.0
#include "cli/partial_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

namespace fs = std::filesystem;
using common::StatusIs;
using ::testing::HasSubstr;

class PartialCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(partial_, PartialCheckpoint::Open(common::RealFileSystem(), folder_)); }
  static cohort::v1::CheckpointListing Listing(const std::map<std::string, std::string>& files) {
    cohort::v1::CheckpointListing listing;
    listing.set_name("namespaces/default/jobs/demo/checkpoints/3");
    for (const auto& [name, content] : files) {
      cohort::v1::CheckpointFile& file = *listing.add_files();
      file.set_name(name);
      file.set_size_bytes(static_cast<int64_t>(content.size()));
      file.set_sha256(common::HexOf(common::Sha256Of(content)));
    }
    return listing;
  }
  absl::Status Take(int file, int64_t offset, const std::string& data) {
    cohort::v1::FileChunk chunk;
    chunk.set_file(file);
    chunk.set_offset(offset);
    chunk.set_data(data);
    return partial_->Take(chunk);
  }
  void Leave(const std::string& name, const std::string& content) { std::ofstream(folder_ + "/" + name) << content; }

  common::TempDir dir_;
  const std::string folder_ = dir_.Join("target.partial");
  const std::string target_ = dir_.Join("target");
  std::unique_ptr<PartialCheckpoint> partial_;
};

TEST_F(PartialCheckpointTest, PiecesBecomeTheFolder) {
  ASSERT_OK(partial_->Begin(Listing({{"a", "12345"}, {"b", ""}, {"c", "xyz"}})));
  EXPECT_EQ(partial_->total_bytes(), 8);
  ASSERT_OK(Take(0, 0, "123"));
  ASSERT_OK(Take(0, 3, "45"));
  ASSERT_OK(Take(2, 0, "xyz"));
  EXPECT_EQ(partial_->num_bytes(), 8);
  ASSERT_OK(partial_->Finish());
  ASSERT_OK(partial_->MoveTo(target_));
  EXPECT_EQ(*common::ReadFile(target_ + "/a"), "12345");
  EXPECT_EQ(*common::ReadFile(target_ + "/b"), "");
  EXPECT_EQ(*common::ReadFile(target_ + "/c"), "xyz");
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(PartialCheckpointTest, WhatIsThereIsHeldAndTakenUp) {
  Leave("a", "123");
  Leave("c", "much too long");
  Leave("of another list", "x");
  ASSERT_OK_AND_ASSIGN(const auto held, partial_->Held());
  ASSERT_EQ(held.size(), 3u);
  EXPECT_EQ(held[0].name(), "a");
  EXPECT_EQ(held[0].num_bytes(), 3);
  ASSERT_OK(partial_->Begin(Listing({{"a", "12345"}, {"c", "xyz"}})));
  EXPECT_EQ(partial_->num_bytes(), 3);
  EXPECT_FALSE(fs::exists(folder_ + "/of another list"));
  ASSERT_OK(Take(0, 3, "45"));
  ASSERT_OK(Take(1, 0, "xyz"));
  ASSERT_OK(partial_->Finish());
}

TEST_F(PartialCheckpointTest, NamesThatLeadOutOfTheFolderAreRefusedAndNothingIsWritten) {
  for (const std::string name : {"../escaped", "/tmp/escaped", "..", ".", "", "a/b", "a\\b", "a\nb"}) {
    EXPECT_THAT(partial_->Begin(Listing({{name, "x"}})), StatusIs(absl::StatusCode::kDataLoss)) << name;
  }
  EXPECT_FALSE(fs::exists(dir_.Join("escaped")));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PartialCheckpointTest, ListsThatCannotBeAreRefused) {
  EXPECT_THAT(partial_->Begin(Listing({})), StatusIs(absl::StatusCode::kDataLoss));
  cohort::v1::CheckpointListing twice = Listing({{"a", "1"}});
  *twice.add_files() = twice.files(0);
  EXPECT_THAT(partial_->Begin(twice), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twice")));
  cohort::v1::CheckpointListing negative = Listing({{"a", "1"}});
  negative.mutable_files(0)->set_size_bytes(-1);
  EXPECT_THAT(partial_->Begin(negative), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("size")));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PartialCheckpointTest, ListOfAnotherCheckpointIsAborted) {
  ASSERT_OK(partial_->Begin(Listing({{"a", "1"}})));
  ASSERT_OK(partial_->Begin(Listing({{"a", "1"}})));
  EXPECT_THAT(partial_->Begin(Listing({{"a", "2"}})), StatusIs(absl::StatusCode::kAborted, HasSubstr("replaced")));
}

TEST_F(PartialCheckpointTest, PiecesThatDoNotFitAreRefused) {
  EXPECT_THAT(Take(0, 0, "1"), StatusIs(absl::StatusCode::kDataLoss)) << "before the list";
  ASSERT_OK(partial_->Begin(Listing({{"a", "12345"}})));
  ASSERT_OK(Take(0, 0, "12"));
  EXPECT_THAT(Take(0, 0, "12"), StatusIs(absl::StatusCode::kDataLoss)) << "again";
  EXPECT_THAT(Take(0, 3, "45"), StatusIs(absl::StatusCode::kDataLoss)) << "a gap";
  EXPECT_THAT(Take(0, 2, "3456"), StatusIs(absl::StatusCode::kDataLoss)) << "too long";
  EXPECT_THAT(Take(0, 2, ""), StatusIs(absl::StatusCode::kDataLoss)) << "empty";
  EXPECT_THAT(Take(1, 0, "1"), StatusIs(absl::StatusCode::kDataLoss)) << "no such file";
  EXPECT_THAT(Take(-1, 0, "1"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(*common::ReadFile(folder_ + "/a"), "12");
}

TEST_F(PartialCheckpointTest, DamagedFileIsNamedAndBeginsAnew) {
  ASSERT_OK(partial_->Begin(Listing({{"a", "12345"}, {"b", "xyz"}})));
  ASSERT_OK(Take(0, 0, "12x45"));
  ASSERT_OK(Take(1, 0, "xyz"));
  EXPECT_THAT(partial_->Finish(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a: the checksum differs")));
  ASSERT_OK(Take(0, 0, "12345"));
  EXPECT_OK(partial_->Finish());
}

TEST_F(PartialCheckpointTest, UnfinishedFileIsToldApartFromADamagedOne) {
  ASSERT_OK(partial_->Begin(Listing({{"a", "12345"}})));
  ASSERT_OK(Take(0, 0, "123"));
  EXPECT_THAT(partial_->Finish(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(PartialCheckpointTest, TargetThatAppearedMeanwhileIsNotTouched) {
  ASSERT_OK(partial_->Begin(Listing({{"a", "1"}})));
  ASSERT_OK(Take(0, 0, "1"));
  ASSERT_OK(partial_->Finish());
  fs::create_directory(target_);
  EXPECT_THAT(partial_->MoveTo(target_), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_TRUE(fs::is_empty(target_));
  fs::remove(target_);
  fs::create_symlink("nowhere", target_);
  EXPECT_THAT(partial_->MoveTo(target_), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(PartialCheckpointTest, RemovedFolderIsGone) {
  ASSERT_OK(partial_->Begin(Listing({{"a", "1"}})));
  ASSERT_OK(partial_->Remove());
  EXPECT_FALSE(fs::exists(folder_));
}

}  // namespace
}  // namespace cohort::cli
