// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_status.h"

#include <gtest/gtest.h>

#include "common/field_error.h"
#include "common/testing/status_matchers.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cohort::common {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  return details;
}

TEST(GrpcStatusTest, EveryCodeComesBackWithItsMessage) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "two\nlines of \xC3\xA9");
    EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status)), status);
    EXPECT_EQ(ToGrpcStatus(status).error_code(), code);
  }
}

TEST(GrpcStatusTest, OkHasNoDetails) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ToGrpcStatus(absl::OkStatus()).error_details(), "");
  EXPECT_OK(FromGrpcStatus(grpc::Status::OK));
}

TEST(GrpcStatusTest, ErrorInfoNamesReasonAndDomain) {
  const google::rpc::Status details = DetailsOf(ToGrpcStatus(absl::FailedPreconditionError("no")));
  EXPECT_EQ(details.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(details.message(), "no");
  google::rpc::ErrorInfo error_info;
  ASSERT_EQ(details.details_size(), 1);
  ASSERT_TRUE(details.details(0).UnpackTo(&error_info));
  EXPECT_EQ(error_info.reason(), "FAILED_PRECONDITION");
  EXPECT_EQ(error_info.domain(), "cohort");
}

TEST(GrpcStatusTest, BadRequestIsReadableByAnyClientAndComesBack) {
  const absl::Status status = InvalidField("rlvr.rollout.group_size", "1", "must be at least 2");
  const google::rpc::Status details = DetailsOf(ToGrpcStatus(status));
  google::rpc::BadRequest bad_request;
  ASSERT_EQ(details.details_size(), 2);
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), "rlvr.rollout.group_size");
  EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status)), status);
}

TEST(GrpcStatusTest, StatusOfAnotherServerWithoutDetailsIsKept) {
  EXPECT_THAT(FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone")),
              StatusIs(absl::StatusCode::kUnavailable, "gone"));
}

TEST(GrpcStatusTest, BrokenDetailsDoNotHideTheError) {
  EXPECT_THAT(FromGrpcStatus(grpc::Status(grpc::StatusCode::ABORTED, "again", "\xFF\xFF\xFF")),
              StatusIs(absl::StatusCode::kAborted, "again"));
}

TEST(GrpcStatusTest, HugeOrInvalidMessageStillFitsTheTrailer) {
  const grpc::Status status = ToGrpcStatus(absl::InternalError(std::string(100'000, '\xFF')));
  EXPECT_LT(status.error_message().size() + status.error_details().size(), 4096);
  EXPECT_EQ(DetailsOf(status).message(), status.error_message());
}

TEST(GrpcStatusTest, AConnectionThatTlsPreventsIsExplained) {
  const std::string message = "failed to connect to all addresses; last error: UNKNOWN: wrong version number";
  EXPECT_THAT(FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, message)),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr("does not speak TLS")));
  EXPECT_THAT(FromGrpcStatus(grpc::Status(grpc::StatusCode::INTERNAL, message)),
              StatusIs(absl::StatusCode::kInternal, message));
}

TEST(GrpcReplyTest, AnswerIsHandedOverOrTheErrorGiven) {
  std::string response = "before";
  EXPECT_EQ(Reply(absl::StatusOr<std::string>(absl::NotFoundError("no job")), &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(response, "before");
  EXPECT_TRUE(Reply(absl::StatusOr<std::string>("answer"), &response).ok());
  EXPECT_EQ(response, "answer");
}

}  // namespace
}  // namespace cohort::common
