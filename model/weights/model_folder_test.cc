// SPDX-License-Identifier: Apache-2.0
#include "model/weights/model_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/weights/model_folder_fixture.h"
#include "model/weights/safetensors_reader.h"

namespace cohort::model {
namespace {

using nlohmann::json;

TEST_F(ModelFolderTest, RandomModelPassesInspection) {
  const auto summary = InspectModelFolder(Init("model", 1));
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->num_parameters,
            60 * 32 + 2 * (32 + 64 * 32 + 2 * 32 * 32 + 2 * 16 + 32 * 64 + 32 + 3 * 48 * 32) + 32);
  EXPECT_EQ(summary->config.num_layers, 2);
}

TEST_F(ModelFolderTest, WeightsAreAFunctionOfTheSeed) {
  const auto weights = [](const std::string& folder) {
    return common::ReadFile(folder + "/model.safetensors").value();
  };
  const std::string first = weights(Init("a", 7));
  EXPECT_EQ(first, weights(Init("b", 7)));
  EXPECT_NE(first, weights(Init("c", 8)));
}

TEST_F(ModelFolderTest, WeightsHaveTheConfiguredSpreadAndNormsAreOne) {
  const auto reader = SafetensorsReader::Open(Init("model", 3) + "/model.safetensors").value();
  for (const SafetensorsEntry& entry : reader->entries()) {
    std::vector<float> values(static_cast<size_t>(entry.size_bytes) / 4);
    ASSERT_TRUE(reader->Read(entry, 0, entry.size_bytes, reinterpret_cast<char*>(values.data())).ok());
    double sum = 0, squares = 0;
    for (const float value : values) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    if (absl::StrContains(entry.name, "norm")) {
      EXPECT_EQ(sum, static_cast<double>(values.size())) << entry.name;
      EXPECT_EQ(squares, sum);
    } else {
      EXPECT_NEAR(sum / values.size(), 0.0, 4 * 0.4 / std::sqrt(values.size())) << entry.name;
      EXPECT_NEAR(std::sqrt(squares / values.size()), 0.4, 0.4 * 0.1) << entry.name;
    }
  }
}

TEST_F(ModelFolderTest, OutputFolderThatExistsIsRefusedAndKept) {
  std::filesystem::create_directories(root_ + "/there");
  EXPECT_EQ(WriteRandomModel(root_ + "/template", root_ + "/there", 1).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/there"));
}

TEST_F(ModelFolderTest, FoldersAboveTheOutputAreMade) {
  const absl::Status made = WriteRandomModel(root_ + "/template", root_ + "/a/b/model", 1);
  EXPECT_TRUE(made.ok()) << made;
  EXPECT_TRUE(InspectModelFolder(root_ + "/a/b/model").ok());
  const absl::Status below_a_file = WriteRandomModel(root_ + "/template", root_ + "/template/config.json/model", 1);
  EXPECT_EQ(below_a_file.code(), absl::StatusCode::kFailedPrecondition) << below_a_file;
  EXPECT_TRUE(absl::StrContains(below_a_file.message(), "config.json: folder cannot be created")) << below_a_file;
}

TEST_F(ModelFolderTest, ModelLargerThanTheDiskIsRefusedAndLeavesNoFolder) {
  config_["hidden_size"] = config_["intermediate_size"] = 1 << 22;
  WriteConfig("template");
  const absl::Status status = WriteRandomModel(root_ + "/template", root_ + "/model", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(status.message(), "the weights need")) << status;
  EXPECT_FALSE(std::filesystem::exists(root_ + "/model"));
}

TEST_F(ModelFolderTest, BadTemplateLeavesNoFolder) {
  config_["head_dim"] = 0;
  WriteConfig("template");
  EXPECT_EQ(WriteRandomModel(root_ + "/template", root_ + "/model", 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/model"));
}

// "model/" is not its own parent: the disk is asked all the same.
TEST_F(ModelFolderTest, OutputFolderMayEndInASlash) {
  EXPECT_TRUE(InspectModelFolder(Init("small/", 1)).ok());
  config_["hidden_size"] = config_["intermediate_size"] = 1 << 22;
  WriteConfig("template");
  const absl::Status status = WriteRandomModel(root_ + "/template", root_ + "/large/", 1);
  EXPECT_TRUE(absl::StrContains(status.message(), "the weights need")) << status;
  EXPECT_FALSE(std::filesystem::exists(root_ + "/large"));
}

// What inspection would refuse afterwards is refused before anything is written.
TEST_F(ModelFolderTest, TemplateThatWouldMakeABadModelIsRefused) {
  const json good = config_;
  for (const auto& [key, value] : {std::pair("bos_token_id", json(60)), std::pair("initializer_range", json(1e300))}) {
    config_ = good;
    config_[key] = value;
    WriteConfig("template");
    const absl::Status status = WriteRandomModel(root_ + "/template", root_ + "/model", 1);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("config.json: ", key, ": must be "))) << status;
    EXPECT_FALSE(std::filesystem::exists(root_ + "/model"));
  }
}

TEST_F(ModelFolderTest, VocabularySmallerThanTheTokenizerIsRefused) {
  config_["vocab_size"] = 30;
  WriteConfig("template");
  const absl::Status status = WriteRandomModel(root_ + "/template", root_ + "/model", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "vocab_size")) << status;
}

}  // namespace
}  // namespace cohort::model
