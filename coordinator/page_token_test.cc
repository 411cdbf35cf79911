// SPDX-License-Identifier: Apache-2.0
#include "coordinator/page_token.h"

#include <gmock/gmock.h>

#include <string>

#include "cohort/v1/job_service.pb.h"
#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;

TEST(PageTokenTest, TokenGivesItsPositionBackForTheSameQueryOnly) {
  const std::string token = EncodePageToken("default 0", 17);
  EXPECT_THAT(DecodePageToken("default 0", token), common::IsOkAndHolds(17));
  EXPECT_THAT(DecodePageToken("other 0", token), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DecodePageToken("default 2", token), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PageTokenTest, TextsAreGivenBackWhateverIsInThem) {
  for (const std::string position : {"", "1 worker-0", "two\nlines\n", "\xc3\xa4"}) {
    const std::string token = EncodeTextPageToken("0123abcd", position);
    EXPECT_THAT(DecodeTextPageToken("0123abcd", token), common::IsOkAndHolds(position));
    EXPECT_THAT(DecodeTextPageToken("4567abcd", token), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(DecodePageToken("0123abcd", EncodeTextPageToken("0123abcd", "1 worker-0")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PageTokenTest, ForeignTokensAreRefused) {
  for (const char* token : {"x", "????", "MTc", "LTEKZGVmYXVsdCAw"}) {
    EXPECT_THAT(DecodePageToken("default 0", token), StatusIs(absl::StatusCode::kInvalidArgument)) << token;
  }
}

TEST(PageTokenTest, QuestionIsEverythingButThePage) {
  cohort::v1::ListJobsRequest request;
  request.set_parent("namespaces/a");
  (*request.mutable_labels())["team"] = "x";
  cohort::v1::ListJobsRequest further = request;
  further.set_page_size(7);
  further.set_page_token("token");
  EXPECT_EQ(PageQuery(request), PageQuery(further));
  further.set_state(cohort::v1::JOB_STATE_FAILED);
  EXPECT_NE(PageQuery(request), PageQuery(further));
  further = request;
  (*further.mutable_labels())["team"] = "y";
  EXPECT_NE(PageQuery(request), PageQuery(further));
  cohort::v1::ListCheckpointsRequest checkpoints;
  checkpoints.set_parent("namespaces/a/jobs/b");
  cohort::v1::ListStepsRequest steps;
  steps.set_parent("namespaces/a/jobs/b");
  EXPECT_NE(PageQuery(checkpoints), PageQuery(steps)) << "another method";
}

TEST(PageTokenTest, PageSizeHasADefaultAndALimit) {
  EXPECT_THAT(PageSize(0, 50, 1000), common::IsOkAndHolds(50));
  EXPECT_THAT(PageSize(7, 50, 1000), common::IsOkAndHolds(7));
  EXPECT_THAT(PageSize(5000, 50, 1000), common::IsOkAndHolds(1000));
  EXPECT_THAT(PageSize(-1, 50, 1000),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::StartsWith("page_size: ")));
}

}  // namespace
}  // namespace cohort::coordinator
