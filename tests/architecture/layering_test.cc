// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/layering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "common/testing/status_matchers.h"
#include "tests/architecture/room_table.h"

namespace cohort::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Include(const std::string& header) { return "#include \"" + header + "\"\n"; }

// One path per line, so that a failure reads as a list.
std::string Lines(const std::vector<std::string>& violations) { return absl::StrJoin(violations, "\n"); }

TEST(IncludesOfTest, FindsEveryFormAndNothingElse) {
  EXPECT_THAT(IncludesOf("#include \"a/b.h\"\n  #  include <c.h>  // why\n// #include \"d.h\"\nint include;\n"),
              ElementsAre("a/b.h", "c.h"));
}

TEST(CheckIncludesTest, PlantedIncludeOfAForbiddenRoomIsFound) {
  EXPECT_THAT(CheckIncludes({"objective/grpo.cc", Include("objective/grpo.h") + Include("model/decoder.h")}),
              ElementsAre("objective/grpo.cc: objective must not include model/decoder.h"));
  for (const SourceFile& file : std::vector<SourceFile>{
           {"common/x.h", Include("cohort/v1/job.pb.h")},
           {"kernels/x.cc", Include("cohort/v1/job.pb.h")},
           {"model/x.cc", Include("reward/rubric.h")},
           {"rollout_worker/x.cc", Include("learner/train_step.h")},
           {"rollout_worker/x.cc", Include("objective/objective.h")},
           {"learner/x.cc", Include("reward/rubric.h")},
           {"learner/x.cc", Include("kernels/adamw.h")},
           {"coordinator/x.cc", Include("model/decoder.h")},
           {"coordinator/x.cc", Include("cli/verbs.h")},
           {"cli/x.cc", Include("coordinator/job_store.h")},
           {"reward/x.cc", Include("tests/architecture/layering.h")},
       }) {
    EXPECT_EQ(CheckIncludes(file).size(), 1) << file.path << ": " << file.text;
  }
}

TEST(CheckIncludesTest, PlantedTorchCudaAndGrpcAreFound) {
  EXPECT_THAT(CheckIncludes({"kernels/logprob_cpu.cc", "#include <ATen/core/Tensor.h>\n"}),
              ElementsAre("kernels/logprob_cpu.cc: LibTorch is not allowed here, ATen/core/Tensor.h"));
  for (const SourceFile& file : std::vector<SourceFile>{
           {"common/x_test.cc", Include("torch/torch.h")},
           {"coordinator/x.cc", Include("c10/core/Device.h")},
           {"reward/x.cc", Include("cuda_runtime.h")},
           {"objective/x.cc", Include("grpcpp/server.h")},
       }) {
    EXPECT_EQ(CheckIncludes(file).size(), 1) << file.path << ": " << file.text;
  }
}

TEST(CheckIncludesTest, WhatTheTableAllowsPasses) {
  for (const SourceFile& file : std::vector<SourceFile>{
           {"kernels/torch/logprob_op.h", Include("ATen/core/Tensor.h") + Include("kernels/logprob.h")},
           {"kernels/logprob_test.cc", Include("ATen/ATen.h")},
           {"learner/x.cc", Include("kernels/torch/torch_status.h") + Include("objective/objective.h")},
           {"coordinator/x.cc", Include("model/tokenizer/tokenizer.h") + Include("cohort/v1/job_service.grpc.pb.h")},
           {"model/weight_sync/x.cc", Include("grpcpp/server.h")},
       }) {
    EXPECT_THAT(CheckIncludes(file), IsEmpty());
  }
}

TEST(CheckTorchFreeTest, PlantedTorchBehindAnAllowedHeaderIsFoundWithItsChain) {
  const std::vector<SourceFile> files = {
      {"coordinator/x.cc", Include("model/model_config.h")},
      {"model/model_config.h", Include("model/tensor_names.h")},
      {"model/tensor_names.h", Include("ATen/core/Tensor.h")},
  };
  EXPECT_THAT(CheckTorchFree(files), ElementsAre("torch is reached: coordinator/x.cc -> model/model_config.h -> "
                                                 "model/tensor_names.h -> ATen/core/Tensor.h"));
  EXPECT_THAT(CheckTorchFree({files[0], files[1]}), IsEmpty());
}

class LayeringTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
    ASSERT_OK_AND_ASSIGN(files_, ReadRooms(root));
    ASSERT_GT(files_.size(), 100);
  }
  std::vector<SourceFile> files_;
};

TEST_F(LayeringTest, EveryIncludeIsAllowedByTheTable) {
  std::vector<std::string> violations;
  for (const SourceFile& file : files_) {
    if (!IsCode(file)) continue;
    for (const std::string& violation : CheckIncludes(file)) violations.push_back(violation);
  }
  EXPECT_EQ(Lines(violations), "");
}

TEST_F(LayeringTest, TorchFreeRoomsReachNoTorchHeader) { EXPECT_EQ(Lines(CheckTorchFree(files_)), ""); }

TEST_F(LayeringTest, IncludedFilesOfOursExist) {
  std::vector<std::string> paths, missing;
  for (const SourceFile& file : files_) paths.push_back(file.path);
  for (const SourceFile& file : files_) {
    for (const std::string& header : IsCode(file) ? IncludesOf(file.text) : std::vector<std::string>()) {
      const bool is_ours = header.find('/') != std::string::npos && header.find(".pb.h") == std::string::npos &&
                           std::any_of(Rooms().begin(), Rooms().end(),
                                       [&](const Room& room) { return header.rfind(room.name + "/", 0) == 0; });
      if (is_ours && !std::binary_search(paths.begin(), paths.end(), header)) {
        missing.push_back(file.path + " includes " + header);
      }
    }
  }
  EXPECT_EQ(Lines(missing), "");
}

}  // namespace
}  // namespace cohort::tests
