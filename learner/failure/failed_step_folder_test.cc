// SPDX-License-Identifier: Apache-2.0
#include "learner/failure/failed_step_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::learner {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two groups of the plan are each rank's.
FailedStep MakeStep(int64_t version, int rank) {
  FailedStep step;
  step.message = "train step: policy_logprobs: not finite (nan), group 5 sibling 0 token 2";
  step.update = 1;
  step.rank = rank;
  step.world_size = kMaxFailedSteps;
  step.weights = "failures/x/model";
  step.statistics = objective::UpdateStatistics{.num_groups = 2, .round = 1, .num_tokens = 7, .num_sequences = 4};
  step.statistics->group_tokens_P = {3, 4};
  step.statistics->entropy_cells[2] = {{.num_units = 2, .sum = 0.1, .sum_squares = 1.0 / 3, .min = -1, .max = 5}};
  step.statistics->mean_mismatch_weight = std::numeric_limits<double>::infinity();
  step.statistics->entropy_threshold = 0.7;
  step.statistics->threshold_prefix = 0xFFFFFFFFFFFFFFFFu;
  step.numbers["proximal_logprobs"] = {-0.1f, std::numeric_limits<float>::quiet_NaN(), -3.5f};
  step.run.set_job("namespaces/default/jobs/sums");
  step.run.mutable_spec()->mutable_training()->set_num_steps(9);
  step.payload.plan.set_version(version);
  for (int g = 0; g < 2 * kMaxFailedSteps; ++g) step.payload.plan.add_groups()->set_group_id(5 + g);
  step.payload.groups.emplace_back().set_group_id(5);
  step.payload.groups[0].add_rollouts()->add_token_ids(17);
  step.payload.demonstrations.emplace_back().set_prompt("1+1=");
  return step;
}

TEST(FailedStepFolderTest, WhatIsWrittenIsRead) {
  const common::TempDir dir;
  const FailedStep step = MakeStep(12, 3);
  ASSERT_OK_AND_ASSIGN(const std::string path,
                       WriteFailedStep(dir.Join("failures"), step, [](const std::string& directory) {
                         std::ofstream(directory + "/weights") << "w";
                         return absl::OkStatus();
                       }));
  EXPECT_EQ(path, dir.Join("failures/version-00000012-rank-3"));
  EXPECT_TRUE(std::filesystem::exists(path + "/model/weights"));
  ASSERT_OK_AND_ASSIGN(const FailedStep read, ReadFailedStep(path));
  EXPECT_EQ(read.message, step.message);
  EXPECT_EQ(read.update, 1);
  EXPECT_EQ(read.rank, 3);
  EXPECT_EQ(read.world_size, kMaxFailedSteps);
  EXPECT_EQ(read.weights, step.weights);
  ASSERT_TRUE(read.statistics.has_value());
  EXPECT_EQ(read.statistics->num_groups, 2);
  EXPECT_EQ(read.statistics->round, 1);
  EXPECT_EQ(read.statistics->num_tokens, 7);
  EXPECT_EQ(read.statistics->num_sequences, 4);
  EXPECT_THAT(read.statistics->group_tokens_P, ElementsAre(3, 4));
  EXPECT_THAT(read.statistics->entropy_cells[0], IsEmpty());
  ASSERT_EQ(read.statistics->entropy_cells[2].size(), 1);
  EXPECT_EQ(read.statistics->entropy_cells[2][0].sum_squares, 1.0 / 3);
  EXPECT_EQ(read.statistics->entropy_cells[2][0].max, 5);
  EXPECT_TRUE(std::isnan(read.statistics->mean_mismatch_weight)) << "JSON has no infinity";
  EXPECT_EQ(read.statistics->entropy_threshold, 0.7);
  EXPECT_EQ(read.statistics->threshold_prefix, 0xFFFFFFFFFFFFFFFFu);
  const std::vector<float>& numbers = read.numbers.at("proximal_logprobs");
  ASSERT_EQ(numbers.size(), 3);
  EXPECT_EQ(numbers[0], -0.1f);
  EXPECT_TRUE(std::isnan(numbers[1]));
  EXPECT_EQ(read.run.SerializeAsString(), step.run.SerializeAsString());
  EXPECT_EQ(read.payload.plan.version(), 12);
  ASSERT_EQ(read.payload.groups.size(), 1);
  EXPECT_EQ(read.payload.groups[0].rollouts(0).token_ids(0), 17);
  ASSERT_EQ(read.payload.demonstrations.size(), 1);
  EXPECT_EQ(read.payload.demonstrations[0].prompt(), "1+1=");
}

TEST(FailedStepFolderTest, OneOfEachVersionAndRankStaysAndNeverMoreThanAFew) {
  const common::TempDir dir;
  for (int rank = 0; rank < kMaxFailedSteps; ++rank) ASSERT_OK(WriteFailedStep(dir.path(), MakeStep(1, rank), nullptr));
  EXPECT_THAT(WriteFailedStep(dir.path(), MakeStep(1, 0), nullptr),
              common::IsOkAndHolds(dir.Join(FailedStepName(1, 0))));
  EXPECT_THAT(WriteFailedStep(dir.path(), MakeStep(2, 0), nullptr),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("8 failed steps are kept already")));
}

TEST(FailedStepFolderTest, AnotherFailureOfTheSameVersionAndRankIsNotTakenForTheOneThatIsKept) {
  const common::TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::string path, WriteFailedStep(dir.path(), MakeStep(1, 0), nullptr));
  FailedStep other_message = MakeStep(1, 0), other_update = MakeStep(1, 0);
  other_message.message = "another one";
  other_update.update = 0;
  for (const FailedStep& other : {other_message, other_update}) {
    EXPECT_THAT(WriteFailedStep(dir.path(), other, nullptr),
                StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(MakeStep(1, 0).message)));
  }
  EXPECT_EQ(ReadFailedStep(path)->message, MakeStep(1, 0).message);
}

absl::Status WriteOn(common::SimulatedDisk* disk) {
  common::SimulatedFileSystem files(disk);
  const auto write_weights = [&files](const std::string& directory) {
    return common::WriteFileAtomically(&files, directory + "/model.safetensors", std::string(5000, 'w'));
  };
  const absl::Status status = WriteFailedStep("/run/failures", MakeStep(3, 0), write_weights, &files).status();
  EXPECT_EQ(files.List("/run/failures")->empty(), !status.ok());
  return status;
}

TEST(FailedStepFolderTest, FullDiskLeavesNothing) {
  common::SimulatedDisk wide;
  ASSERT_OK(WriteOn(&wide));
  ASSERT_GT(wide.UsedBytes(), 5000);
  common::SimulatedDisk disk;
  for (int64_t capacity = 0; capacity < wide.UsedBytes(); capacity += 50) {
    disk.SetCapacity(capacity);
    EXPECT_THAT(WriteOn(&disk), StatusIs(absl::StatusCode::kResourceExhausted)) << capacity;
    EXPECT_EQ(disk.UsedBytes(), 0) << capacity;
  }
  disk.SetCapacity(wide.UsedBytes());
  EXPECT_OK(WriteOn(&disk));
}

TEST(FailedStepFolderTest, DamagedFileIsNamed) {
  const common::TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::string path, WriteFailedStep(dir.path(), MakeStep(1, 0), nullptr));
  std::filesystem::resize_file(path + "/step.log", std::filesystem::file_size(path + "/step.log") - 3);
  EXPECT_THAT(ReadFailedStep(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("/step.log")));
  std::ofstream(path + "/failure.json") << "{}";
  EXPECT_THAT(ReadFailedStep(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("/failure.json")));
  ASSERT_OK_AND_ASSIGN(const std::string other, WriteFailedStep(dir.path(), MakeStep(2, 0), nullptr));
  std::ofstream(other + "/tokens.safetensors") << "no header";
  EXPECT_THAT(ReadFailedStep(other), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("/tokens.safetensors")));
  for (const char* name : {"/step.log", "/failure.json"}) {
    std::filesystem::remove(other + name);
    EXPECT_THAT(ReadFailedStep(other), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
  }
  EXPECT_THAT(ReadFailedStep(dir.Join("elsewhere")), StatusIs(absl::StatusCode::kNotFound));
}

TEST(FailedStepFolderTest, PayloadThatIsNotTheRanksShareIsRefused) {
  const common::TempDir dir;
  FailedStep step = MakeStep(1, 0);
  step.payload.demonstrations.clear();
  ASSERT_OK_AND_ASSIGN(const std::string path, WriteFailedStep(dir.path(), step, nullptr));
  EXPECT_THAT(ReadFailedStep(path),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("/step.log: 1 groups or demonstrations where 2 are planned for rank 0 of 8")));
}

TEST(FailedStepFolderTest, StrippedPayloadHasTokensAndNoTexts) {
  StepPayload payload = MakeStep(1, 0).payload;
  payload.groups[0].add_prompt_token_ids(3);
  cohort::v1::Rollout* rollout = payload.groups[0].mutable_rollouts(0);
  rollout->add_behavior_logprobs(-0.5f);
  rollout->set_text("a long text");
  rollout->add_scores()->set_reason("a long reason");
  rollout->set_finish_reason(cohort::v1::FINISH_REASON_LENGTH);
  StripToTrainedPart(&payload);
  EXPECT_EQ(payload.plan.groups(0).group_id(), 5);
  EXPECT_THAT(payload.groups[0].prompt_token_ids(), ElementsAre(3));
  EXPECT_THAT(payload.groups[0].rollouts(0).token_ids(), ElementsAre(17));
  EXPECT_THAT(payload.groups[0].rollouts(0).behavior_logprobs(), ElementsAre(-0.5f));
  EXPECT_EQ(payload.groups[0].rollouts(0).finish_reason(), cohort::v1::FINISH_REASON_LENGTH);
  EXPECT_EQ(payload.groups[0].rollouts(0).text(), "");
  EXPECT_TRUE(payload.groups[0].rollouts(0).scores().empty());
}

}  // namespace
}  // namespace cohort::learner
