// SPDX-License-Identifier: Apache-2.0
#include "common/field_error.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "common/testing/status_matchers.h"
#include "google/rpc/error_details.pb.h"

namespace cohort::common {
namespace {

google::rpc::BadRequest BadRequestOf(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  if (payload.has_value()) bad_request.ParseFromString(std::string(*payload));
  return bad_request;
}

TEST(InvalidFieldTest, SaysFieldReasonAndValue) {
  EXPECT_THAT(InvalidField("rlvr.rollout.group_size", "1", "must be at least 2"),
              StatusIs(absl::StatusCode::kInvalidArgument, "rlvr.rollout.group_size: must be at least 2 (1)"));
}

TEST(InvalidFieldTest, EmptyValueHasNoBrackets) {
  EXPECT_THAT(InvalidField("model.path", "", "is required"),
              StatusIs(absl::StatusCode::kInvalidArgument, "model.path: is required"));
}

TEST(InvalidFieldTest, CarriesBadRequest) {
  const google::rpc::BadRequest bad_request = BadRequestOf(InvalidField("a.b", "7", "too large"));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "a.b");
  EXPECT_EQ(bad_request.field_violations(0).description(), "too large (7)");
}

TEST(InvalidFieldTest, HostileValueStaysOneShortValidLine) {
  const std::string value = "a\nb\xFF" + std::string(10'000, 'x');
  const std::string message(InvalidField("f", value, "bad").message());
  EXPECT_LT(message.size(), 300);
  EXPECT_THAT(message, ::testing::StartsWith("f: bad (a\\x0ab\\xffxxx"));
  EXPECT_THAT(message, ::testing::EndsWith("...)"));
}

TEST(PrefixFieldTest, RewritesMessageAndBadRequest) {
  const absl::Status status = PrefixField(InvalidField("jsonl.path", "x", "no such file"), "rlvr.data");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "rlvr.data.jsonl.path: no such file (x)"));
  EXPECT_EQ(BadRequestOf(status).field_violations(0).field(), "rlvr.data.jsonl.path");
}

TEST(PrefixFieldTest, IndexIsJoinedWithoutDot) {
  const absl::Status status = PrefixField(InvalidField("[2].weight", "-1", "must not be negative"), "reward.verifiers");
  EXPECT_EQ(status.message(), "reward.verifiers[2].weight: must not be negative (-1)");
}

TEST(PrefixFieldTest, PathBehindFileAndLineIsFound) {
  const absl::Status status = PrefixField(PrefixMessage(InvalidField("b", "", "unknown"), "job.yaml:3"), "a");
  EXPECT_EQ(status.message(), "job.yaml:3: a.b: unknown");
  EXPECT_EQ(BadRequestOf(status).field_violations(0).field(), "a.b");
}

TEST(PrefixFieldTest, OtherStatusGetsPrefixInFrontAndKeepsItsCode) {
  EXPECT_THAT(PrefixField(absl::NotFoundError("/x: no such file"), "model.path"),
              StatusIs(absl::StatusCode::kNotFound, "model.path: /x: no such file"));
}

TEST(PrefixFieldTest, OkStaysOk) { EXPECT_OK(PrefixField(absl::OkStatus(), "a")); }

TEST(PrefixMessageTest, LeavesFieldPathAlone) {
  const absl::Status status = PrefixMessage(InvalidField("b", "", "unknown"), "job.yaml:3");
  EXPECT_EQ(status.message(), "job.yaml:3: b: unknown");
  EXPECT_EQ(BadRequestOf(status).field_violations(0).field(), "b");
}

}  // namespace
}  // namespace cohort::common
