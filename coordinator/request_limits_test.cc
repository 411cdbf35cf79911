// SPDX-License-Identifier: Apache-2.0
#include "coordinator/request_limits.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "cohort/v1/job_service.pb.h"
#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout_service.pb.h"
#include "common/testing/status_matchers.h"

namespace cohort::coordinator {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

auto IsRefused(const std::string& field, const std::string& why) {
  return StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(field + ": "), HasSubstr(why)));
}

TEST(RequestLimitsTest, OrdinaryRequestsPass) {
  cohort::v1::CreateJobRequest request;
  request.set_job_id("a");
  auto& spec = *request.mutable_job()->mutable_spec();
  spec.mutable_rlvr()->mutable_data()->set_prompt_prefix(std::string(64 << 10, 'x'));
  for (int i = 0; i < 64; ++i) (*spec.mutable_labels())[absl::StrCat("label", i)] = std::string(255, 'x');
  EXPECT_OK(CheckRequestLimits(request));
}

TEST(RequestLimitsTest, LongTextIsNamedByPath) {
  cohort::v1::CreateJobRequest request;
  auto& spec = *request.mutable_job()->mutable_spec();
  spec.mutable_rlvr()->mutable_reward()->add_verifiers();
  auto& command = *spec.mutable_rlvr()->mutable_reward()->add_verifiers()->mutable_command();
  command.add_argv("a");
  command.add_argv(std::string((64 << 10) + 1, 'x'));
  EXPECT_THAT(CheckRequestLimits(request), IsRefused("job.spec.rlvr.reward.verifiers[1].command.argv[1]", "65537"));
}

TEST(RequestLimitsTest, PathsIdsAndAddressesAreShorter) {
  cohort::v1::CreateJobRequest create;
  create.mutable_job()->mutable_spec()->mutable_model()->set_path(std::string(4097, 'x'));
  EXPECT_THAT(CheckRequestLimits(create), IsRefused("job.spec.model.path", "at most 4096 bytes"));
  cohort::v1::ClaimGroupsRequest claim;
  claim.mutable_worker()->set_http_address(std::string(513, 'x'));
  EXPECT_THAT(CheckRequestLimits(claim), IsRefused("worker.http_address", "at most 512 bytes"));
}

TEST(RequestLimitsTest, ListsAndMapsAreBounded) {
  cohort::v1::CommitStepRequest commit;
  for (int i = 0; i < 1000; ++i) (*commit.mutable_metrics())[absl::StrCat("metric", i)] = i;
  EXPECT_OK(CheckRequestLimits(commit));
  (*commit.mutable_metrics())["one more"] = 1;
  EXPECT_THAT(CheckRequestLimits(commit), IsRefused("metrics", "at most 1000 items"));
  cohort::v1::WorkerHeartbeatRequest heartbeat;
  for (int i = 0; i < 65536; ++i) heartbeat.add_leases()->set_group_id(i);
  EXPECT_OK(CheckRequestLimits(heartbeat));
  heartbeat.add_leases();
  EXPECT_THAT(CheckRequestLimits(heartbeat), IsRefused("leases", "at most 65536 items"));
}

TEST(RequestLimitsTest, LabelsAreFewAndShort) {
  const auto check = [](const std::map<std::string, std::string>& labels) {
    cohort::v1::CreateJobRequest request;
    request.mutable_job()->mutable_spec()->mutable_labels()->insert(labels.begin(), labels.end());
    return CheckRequestLimits(request);
  };
  EXPECT_THAT(check({{"a", std::string(256, 'x')}}), IsRefused("job.spec.labels[0].value", "at most 255 bytes"));
  EXPECT_THAT(check({{std::string(64, 'x'), ""}}), IsRefused("job.spec.labels[0].key", "at most 63 bytes"));
  std::map<std::string, std::string> many;
  for (int i = 0; i < 65; ++i) many[absl::StrCat("label", i)] = "";
  EXPECT_THAT(check(many), IsRefused("job.spec.labels", "at most 64 items"));
}

}  // namespace
}  // namespace cohort::coordinator
