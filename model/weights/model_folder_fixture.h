// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_MODEL_FOLDER_FIXTURE_H_
#define COHORT_MODEL_WEIGHTS_MODEL_FOLDER_FIXTURE_H_

// For tests of model_folder.h: folders of the tiny model, whole ones and damaged ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/weights/model_folder.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::model {

// A template: the tiny model's configuration with the character tokenizer.
class ModelFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ + "/template");
    config_ = nlohmann::json::parse(common::ReadFile("model/testdata/qwen3_tiny/config.json").value());
    config_["vocab_size"] = 60;
    WriteConfig("template");
    std::filesystem::copy("model/testdata/tokenizers/characters/tokenizer.json", root_ + "/template/tokenizer.json");
  }

  void WriteConfig(const std::string& folder) {
    ASSERT_TRUE(common::WriteFileAtomically(absl::StrCat(root_, "/", folder, "/config.json"), config_.dump()).ok());
  }

  std::string Init(const std::string& name, uint64_t seed) {
    const std::string folder = absl::StrCat(root_, "/", name);
    const absl::Status status = WriteRandomModel(root_ + "/template", folder, seed);
    EXPECT_TRUE(status.ok()) << status;
    return folder;
  }

  // The folder's weights with one change.
  void Rewrite(const std::string& folder, const std::function<void(std::vector<TensorToWrite>*)>& change) {
    const auto reader = SafetensorsReader::Open(folder + "/model.safetensors").value();
    std::vector<TensorToWrite> tensors;
    std::string bytes;  // of the tensor being written
    for (const SafetensorsEntry& entry : reader->entries()) {
      tensors.push_back({entry.name, entry.dtype, entry.shape, [&] {
                           bytes = reader->ReadAll(entry).value();
                           return std::string_view(bytes);
                         }});
    }
    change(&tensors);
    ASSERT_TRUE(WriteSafetensors(folder + "/model.safetensors", tensors).ok());
  }

  std::string root_;
  nlohmann::json config_;
};

inline void ExpectRefused(const std::string& folder, absl::StatusCode code, const std::vector<std::string>& named) {
  const absl::Status status = InspectModelFolder(folder).status();
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& name : named) EXPECT_TRUE(absl::StrContains(status.message(), name)) << status;
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_MODEL_FOLDER_FIXTURE_H_
