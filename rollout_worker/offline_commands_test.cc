// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "rollout_worker/generate_command.h"
#include "rollout_worker/logprobs_command.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class OfflineCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteTinyModel(dir_.Join("model"), /*seed=*/5));
    generate_.model = logprobs_.model = dir_.Join("model");
    generate_.input = dir_.Join("prompts.jsonl");
    generate_.output = dir_.Join("completions.jsonl");
    generate_.sampling.max_completion_tokens = 20;
    generate_.samples = 2;
    logprobs_.input = dir_.Join("ids.jsonl");
    logprobs_.output = dir_.Join("logprobs.jsonl");
  }

  static std::vector<Json> Rows(const std::string& path) {
    const absl::StatusOr<std::string> content = common::ReadFile(path);
    EXPECT_OK(content);
    std::istringstream lines(content.ok() ? *content : "");
    std::vector<Json> rows;
    for (std::string line; std::getline(lines, line);) rows.push_back(Json::parse(line));
    return rows;
  }

  common::TempDir dir_;
  GenerateOptions generate_;
  LogprobsOptions logprobs_;
};

class OfflinePrecisionTest : public OfflineCommandsTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(OfflinePrecisionTest, LogprobsOfGeneratedTokensAreThoseOfGeneration) {
  generate_.precision = logprobs_.precision = GetParam();
  ASSERT_OK(common::WriteFileAtomically(generate_.input, "{\"prompt\": \"1+2=\"}\n{\"prompt\": \"34-5=?\"}\n"));
  ASSERT_OK(RunGenerate(generate_, common::SystemClock()));
  const std::vector<Json> completions = Rows(generate_.output);
  ASSERT_EQ(completions.size(), 4u);
  // Characters have the ids 1 to 17 in the order of kTinyCharacters.
  const std::vector<std::vector<int32_t>> prompts = {{2, 11, 3, 15}, {4, 5, 12, 6, 15, 16}};
  std::string ids;
  for (const Json& completion : completions) {
    std::vector<int32_t> sequence = prompts[completion["row"].get<size_t>()];
    for (const Json& id : completion["token_ids"]) sequence.push_back(id.get<int32_t>());
    ids += Json({{"token_ids", sequence}}).dump() + "\n";
  }
  ASSERT_OK(common::WriteFileAtomically(logprobs_.input, ids));
  ASSERT_OK(RunLogprobs(logprobs_, common::SystemClock()));
  const std::vector<Json> rows = Rows(logprobs_.output);
  ASSERT_EQ(rows.size(), 4u);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto expected = completions[i]["behavior_logprobs"].get<std::vector<float>>();
    const auto all = rows[i]["logprobs"].get<std::vector<float>>();
    ASSERT_GT(all.size(), expected.size());
    EXPECT_EQ(std::vector<float>(all.end() - static_cast<int64_t>(expected.size()), all.end()), expected);
    EXPECT_EQ(rows[i]["entropies"].size(), all.size());
    for (const Json& entropy : rows[i]["entropies"]) EXPECT_GE(entropy.get<float>(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, OfflinePrecisionTest, ::testing::Values("fp32", "bf16"));

TEST_F(OfflineCommandsTest, UnknownPrecisionIsRefused) {
  ASSERT_OK(common::WriteFileAtomically(generate_.input, "{\"prompt\": \"1+2=\"}\n"));
  generate_.precision = "fp16";
  EXPECT_THAT(RunGenerate(generate_, common::SystemClock()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(fp16)")));
}

TEST_F(OfflineCommandsTest, UnusableRowIsNamedAndNothingIsWritten) {
  const std::string long_prompt = "{\"prompt\": \"1\"}\n{\"prompt\": \"" + std::string(kTinyContext, '1') + "\"}\n";
  ASSERT_OK(common::WriteFileAtomically(generate_.input, long_prompt));
  EXPECT_THAT(
      RunGenerate(generate_, common::SystemClock()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("prompts.jsonl row 2: prompt: longer than the context")));
  EXPECT_FALSE(std::filesystem::exists(generate_.output));
  ASSERT_OK(common::WriteFileAtomically(logprobs_.input, "{\"token_ids\": [1, 2]}\n{\"token_ids\": [1, 18]}\n"));
  EXPECT_THAT(RunLogprobs(logprobs_, common::SystemClock()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ids.jsonl row 2: token_ids: token id outside")));
  EXPECT_FALSE(std::filesystem::exists(logprobs_.output));
}

TEST_F(OfflineCommandsTest, FullDiskLeavesTheOldOutputAndNothingBesideIt) {
  ASSERT_OK(common::WriteFileAtomically(generate_.input, "{\"prompt\": \"1+2=\"}\n"));
  ASSERT_OK(common::WriteFileAtomically(logprobs_.input, "{\"token_ids\": [1, 2, 3]}\n"));
  ASSERT_OK(common::WriteFileAtomically(generate_.output, "old"));
  ASSERT_OK(common::WriteFileAtomically(logprobs_.output, "old"));
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full = {8, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const absl::Status generated = RunGenerate(generate_, common::SystemClock());
  const absl::Status computed = RunLogprobs(logprobs_, common::SystemClock());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(generated.ToString(), HasSubstr("completions.jsonl: File too large"));
  EXPECT_THAT(computed.ToString(), HasSubstr("logprobs.jsonl: File too large"));
  EXPECT_THAT(common::ReadFile(generate_.output), common::IsOkAndHolds("old"));
  EXPECT_THAT(common::ReadFile(logprobs_.output), common::IsOkAndHolds("old"));
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

TEST_F(OfflineCommandsTest, UnknownModelFolderAndDeviceAreNamed) {
  ASSERT_OK(common::WriteFileAtomically(generate_.input, "{\"prompt\": \"1\"}\n"));
  generate_.model = dir_.Join("nowhere");
  EXPECT_THAT(RunGenerate(generate_, common::SystemClock()).ToString(), HasSubstr("nowhere"));
  generate_.device = "tpu";
  EXPECT_THAT(RunGenerate(generate_, common::SystemClock()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(tpu)")));
}

}  // namespace
}  // namespace cohort::rollout_worker
