// SPDX-License-Identifier: Apache-2.0
#include "cli/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string Write(const common::TempDir& dir, const std::string& name, const std::string& text) {
  const std::string path = dir.path() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(JobFileTest, IdIsTheStemInTheAlphabetOfIds) {
  const common::TempDir dir;
  const auto file = LoadJobFile(Write(dir, "Warm_start.yaml", "training:\n  num_steps: 3\n"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->job_id, "warm-start");
  EXPECT_EQ(file->spec.training().num_steps(), 3);
}

TEST(JobFileTest, SeedReplacesTheFilesSeed) {
  const common::TempDir dir;
  const auto file = LoadJobFile(Write(dir, "a.yaml", "training:\n  num_steps: 3\n  seed: 7\n"), 11);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->spec.training().seed(), 11);
}

TEST(JobFileTest, UnknownFieldIsNamedWithItsFile) {
  const common::TempDir dir;
  const std::string path = Write(dir, "a.yaml", "training:\n  num_stepz: 3\n");
  const auto file = LoadJobFile(path);
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(file.status().message()), AllOf(HasSubstr("a.yaml"), HasSubstr("training.num_stepz")));
}

TEST(JobFileTest, AbsentFileIsBadInput) {
  const auto file = LoadJobFile("/nowhere/a.yaml");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("/nowhere/a.yaml"));
}

TEST(JobFileTest, ContentRequestIdIsAFunctionOfIdAndSpec) {
  JobFile file{.path = "a.yaml", .job_id = "a", .spec = {}};
  file.spec.mutable_training()->set_num_steps(3);
  (*file.spec.mutable_labels())["x"] = "1";
  (*file.spec.mutable_labels())["y"] = "2";
  JobFile same{.path = "elsewhere/a.yaml", .job_id = "a", .spec = {}};
  (*same.spec.mutable_labels())["y"] = "2";
  (*same.spec.mutable_labels())["x"] = "1";
  same.spec.mutable_training()->set_num_steps(3);
  EXPECT_EQ(ContentRequestId(file), ContentRequestId(same));
  same.spec.mutable_training()->set_num_steps(4);
  EXPECT_NE(ContentRequestId(file), ContentRequestId(same));
}

TEST(JobFileTest, RequestIdsAreUuids) {
  const char* uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
  EXPECT_THAT(RandomRequestId(), MatchesRegex(uuid));
  EXPECT_THAT(ContentRequestId({}), MatchesRegex(uuid));
  EXPECT_NE(RandomRequestId(), RandomRequestId());
}

TEST(JobFileTest, WhatTheFileNamesAndTheServerRefusesIsBadInput) {
  const absl::Status refused = ForFile(absl::DataLossError("model.path: truncated"), "a.yaml");
  EXPECT_EQ(refused, absl::InvalidArgumentError("a.yaml: model.path: truncated"));
  EXPECT_EQ(ForFile(absl::UnavailableError("down"), "a.yaml"), absl::UnavailableError("down"));
}

}  // namespace
}  // namespace cohort::cli
