// SPDX-License-Identifier: Apache-2.0
// What is published of the job file is what its protos say.
#include "cli/reference/job_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/reference/field_comment.h"
#include "cli/reference/job_descriptors.h"
#include "cli/reference/job_schema.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::cli {
namespace {

using ::testing::HasSubstr;

constexpr char kHowTo[] = "bazel run //cli/reference:write_job_reference writes it anew";

class JobReferenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(descriptors_, JobDescriptors::Load("proto/cohort/v1/messages_descriptors.bin"));
  }
  // A field of a message of the job file.
  const google::protobuf::FieldDescriptor& Field(const std::string& message, const std::string& field) const {
    return *descriptors_->root().file()->pool()->FindFieldByName("cohort.v1." + message + "." + field);
  }

  std::unique_ptr<JobDescriptors> descriptors_;
};

TEST_F(JobReferenceTest, PublishedSchemaIsTheOneOfTheProtos) {
  ASSERT_OK_AND_ASSIGN(const std::string published, common::ReadFile("docs/schema/job.schema.json"));
  EXPECT_EQ(published == JobSchema(descriptors_->root()), true) << kHowTo;
}

TEST_F(JobReferenceTest, PublishedReferenceIsTheOneOfTheProtos) {
  ASSERT_OK_AND_ASSIGN(const std::string published, common::ReadFile("docs/configuration.md"));
  EXPECT_EQ(published == JobReference(descriptors_->root()), true) << kHowTo;
}

// A reader meets no empty cell.
TEST_F(JobReferenceTest, EveryMessageAndFieldOfAJobFileHasAComment) {
  for (const auto* message : MessagesBelow(descriptors_->root())) {
    EXPECT_NE(CommentOf(*message), "") << message->full_name();
    for (int i = 0; i < message->field_count(); ++i) {
      const auto& field = *message->field(i);
      // Two enums of one message say by their values alone what they are.
      EXPECT_TRUE(!CommentOf(field).empty() || field.enum_type() != nullptr) << field.full_name();
    }
  }
}

TEST_F(JobReferenceTest, CommentsAreTakenApart) {
  EXPECT_EQ(SplitComment(Field("RewardSpec", "max_no_verdict_share")).default_text, "0.1");
  EXPECT_EQ(SplitComment(Field("VerifierSpec", "deadline")).default_text, "5 s");
  EXPECT_EQ(SplitComment(Field("VerifierSpec", "deadline")).meaning,
            "Wall-clock limit of one judgement; past it there is no verdict.");
  EXPECT_EQ(SplitComment(Field("RankingVerifier", "metric")).default_text, "ndcg");
  EXPECT_EQ(SplitComment(Field("RlvrSpec", "data")).default_text, "required");
  EXPECT_EQ(SplitComment(Field("RlvrSpec", "data")).meaning, "The problems to train on.");
  EXPECT_EQ(SplitComment(Field("TrainingSpec", "num_steps")).default_text, "required, > 0");
}

TEST_F(JobReferenceTest, SchemaHasTheRulesOfTheReader) {
  const auto schema = nlohmann::json::parse(JobSchema(descriptors_->root()));
  const auto& definitions = schema["$defs"];
  EXPECT_EQ(schema["$ref"], "#/$defs/JobSpec");
  EXPECT_EQ(definitions["JobSpec"]["additionalProperties"], false);
  // Four kinds, or none of them.
  EXPECT_EQ(definitions["JobSpec"]["allOf"][0]["oneOf"].size(), 5u);
  EXPECT_EQ(definitions["RankingVerifier"]["properties"]["metric"]["enum"][0], "ndcg");
  EXPECT_EQ(definitions["TrainingSpec"]["properties"]["seed"]["maximum"], 9223372036854775807);
  EXPECT_EQ(definitions["JobSpec"]["properties"]["labels"]["type"], "object");
  EXPECT_EQ(definitions["RewardSpec"]["properties"]["verifiers"]["items"]["$ref"], "#/$defs/VerifierSpec");
  // An optional scalar is no oneof.
  EXPECT_FALSE(definitions["SamplingSpec"].contains("allOf"));
  EXPECT_THAT(definitions["VerifierSpec"]["properties"]["weight"]["description"], HasSubstr("Default 1."));
}

}  // namespace
}  // namespace cohort::cli
