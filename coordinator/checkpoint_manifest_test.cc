// SPDX-License-Identifier: Apache-2.0
#include "coordinator/checkpoint_manifest.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/testing/manifest_text.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class CheckpointManifestTest : public ::testing::Test {
 protected:
  absl::StatusOr<CheckpointManifest> Read(const std::string& text) {
    EXPECT_OK(common::WriteFileAtomically(folder_.Join("manifest.json"), text));
    return ReadCheckpointManifest(common::RealFileSystem(), folder_.path());
  }
  static std::string Manifest(const std::vector<std::string>& entries) { return ManifestText(12, entries); }
  common::TempDir folder_;
};

TEST_F(CheckpointManifestTest, WhatRanksWriteIsRead) {
  const std::string text = Manifest({ManifestEntry("config.json", "{}"), ManifestEntry("model.safetensors", "abcd")});
  ASSERT_OK_AND_ASSIGN(const CheckpointManifest manifest, Read(text));
  EXPECT_EQ(manifest.policy_version, 12);
  EXPECT_EQ(manifest.weight_digest, "ab");
  EXPECT_EQ(manifest.text, text);
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[1].name, "model.safetensors");
  EXPECT_EQ(manifest.files[1].size_bytes, 4);
  EXPECT_EQ(manifest.files[1].sha256, common::HexOf(common::Sha256Of("abcd")));
}

TEST_F(CheckpointManifestTest, FilesThatAreNoneOfTheFolderAreRefusedByName) {
  for (const std::string name : {"..", "../secret", "/etc/passwd", "a/b", "a\\\\b", "", "manifest.json"}) {
    EXPECT_THAT(Read(Manifest({ManifestEntry(name, "abcd")})),
                StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("manifest.json"), HasSubstr("plain file name"))))
        << name;
  }
  EXPECT_THAT(Read(Manifest({ManifestEntry("a", ""), ManifestEntry("a", "")})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is there twice (a)")));
}

TEST_F(CheckpointManifestTest, WhatIsNoManifestIsRefused) {
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string(R"({"policy_version": 1, "files": []})"),
        Manifest({R"({"name": "a"})"}), Manifest({R"({"name": "a", "size_bytes": -1, "sha256": ""})"}),
        Manifest({R"({"name": "a", "size_bytes": 1, "sha256": "abc"})"}),
        Manifest({R"({"name": "a", "size_bytes": 1, "sha256": ")" + std::string(64, 'X') + "\"}"})}) {
    EXPECT_THAT(Read(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("manifest.json"))) << text;
  }
}

TEST_F(CheckpointManifestTest, WhatIsFarTooLargeIsNotRead) {
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("manifest.json"), ""));
  std::filesystem::resize_file(folder_.Join("manifest.json"), int64_t{16} << 20);
  EXPECT_THAT(ReadCheckpointManifest(common::RealFileSystem(), folder_.path()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is too large for a manifest")));
}

TEST_F(CheckpointManifestTest, FolderWithoutAManifestIsNotFound) {
  EXPECT_THAT(ReadCheckpointManifest(common::RealFileSystem(), folder_.path()), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace cohort::coordinator
