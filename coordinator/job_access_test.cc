// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_access.h"

#include <string>

#include "common/security/method_table.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/job_access_fixture.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cohort::coordinator {
namespace {

using ::cohort::common::StatusIs;
using google::protobuf::MethodDescriptor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using JobAccessTest = JobAccessFixture;

// Has a process that works for a job of b and one of a, and answers lists of jobs. All other methods are UNIMPLEMENTED:
// that a call got so far.
class SomeJobs final : public cohort::v1::JobService::Service {
 public:
  grpc::Status ListJobs(grpc::ServerContext*, const cohort::v1::ListJobsRequest*,
                        cohort::v1::ListJobsResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status ListProcesses(grpc::ServerContext*, const cohort::v1::ListProcessesRequest*,
                             cohort::v1::ListProcessesResponse* response) override {
    auto& process = *response->add_processes();
    for (const char* job : {"namespaces/b/jobs/1", "namespaces/a/jobs/2"}) process.add_jobs(job);
    return grpc::Status::OK;
  }
};

// "reason domain" of the ErrorInfo of a refusal; empty without one.
std::string ErrorInfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details())) return "";
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) return info.reason() + " " + info.domain();
  }
  return "";
}

TEST_F(JobAccessTest, EveryMethodWithANameIsClosedForOtherNamespacesAndOpenForOwnOnes) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs);
  const auto methods = MethodsWithAName();
  ASSERT_GE(methods.size(), 13u);
  for (const MethodDescriptor* method : methods) {
    // The name is in the stream; see job_isolation_test.
    if (method->client_streaming()) continue;
    SCOPED_TRACE(method->name());
    for (const char* name :
         {"namespaces/b", "namespaces/b/jobs/j", "namespaces/b/jobs/j/checkpoints/1", "namespaces/"}) {
      EXPECT_THAT(Call(kOfA, *method, name), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("namespace")));
    }
    EXPECT_THAT(Call(kOfA, *method, "jobs/j"), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(Call(kOfA, *method, "namespaces/a/jobs/j"), StatusIs(absl::StatusCode::kUnimplemented));
    EXPECT_THAT(Call(kOfA, *method, ""), StatusIs(absl::StatusCode::kUnimplemented));
    EXPECT_THAT(Call(kAdmin, *method, "namespaces/b/jobs/j"), StatusIs(absl::StatusCode::kUnimplemented));
  }
}

TEST_F(JobAccessTest, WithoutTokensEverythingPasses) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs, /*asks_for_tokens=*/false);
  for (const MethodDescriptor* method : MethodsWithAName()) {
    EXPECT_THAT(Call("", *method, "namespaces/b/jobs/j"), StatusIs(absl::StatusCode::kUnimplemented)) << method->name();
  }
}

TEST_F(JobAccessTest, RequestsBeyondTheirLimitsAreRefusedByField) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs, /*asks_for_tokens=*/false);
  for (const MethodDescriptor* method : MethodsWithAName()) {
    if (method->client_streaming()) continue;
    EXPECT_THAT(Call("", *method, "namespaces/a/jobs/" + std::string(300, 'x')),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 256 bytes")))
        << method->name();
  }
}

TEST_F(JobAccessTest, AListOverAllNamespacesIsLeftToTheServiceBehind) {
  SomeJobs jobs;
  Serve(&jobs);
  const auto* const list =
      cohort::v1::GetJobRequest::descriptor()->file()->FindServiceByName("JobService")->FindMethodByName("ListJobs");
  EXPECT_OK(Call(kOfA, *list, "namespaces/-"));
  EXPECT_THAT(Call(kOfA, *list, "namespaces/-/"), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(JobAccessTest, RoleThatMayNotCallAMethodIsRefusedWithErrorInfo) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs);
  for (const MethodDescriptor* method : AllMethods()) {
    const grpc::Status status = CallForStatus(kWorker, *method, "namespaces/a/jobs/j");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << method->name();
    EXPECT_THAT(status.error_message(), HasSubstr("role worker may not call /cohort.v1.JobService/" + method->name()));
    EXPECT_EQ(ErrorInfoOf(status), "PERMISSION_DENIED cohort") << method->name();
  }
}

TEST_F(JobAccessTest, RolesReachWhatTheTableOfMethodsSays) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs);
  for (const MethodDescriptor* method : AllMethods()) {
    const std::string path = "/" + method->service()->full_name() + "/" + method->name();
    const bool may_call = security::MayCall(security::Role::kViewer, path);
    const auto code = may_call ? absl::StatusCode::kUnimplemented : absl::StatusCode::kPermissionDenied;
    EXPECT_THAT(Call(kViewerOfA, *method, "namespaces/a/jobs/j"), StatusIs(code)) << path;
  }
}

TEST_F(JobAccessTest, MethodThatThereIsNotIsRefusedToEverybody) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs);
  for (const char* token : {kWorker, kAdmin}) {
    cohort::v1::Job job;
    const grpc::Status status =
        common::CallUnary(ChannelOf(token), "/cohort.v1.JobService/Reboot", cohort::v1::GetJobRequest(), &job);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
}

TEST_F(JobAccessTest, OtherNamespacesAreRefusedWithErrorInfo) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs);
  const grpc::Status status = CallForStatus(kOfA, *MethodsWithAName().front(), "namespaces/b/jobs/j");
  EXPECT_EQ(ErrorInfoOf(status), "PERMISSION_DENIED cohort");
}

TEST_F(JobAccessTest, WhoIsNotKnownIsRefusedAtTheDoor) {
  cohort::v1::JobService::Service jobs;
  Serve(&jobs);
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_THAT(Call("", *method, "namespaces/a/jobs/j"), StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(Call("strangerstrangerstrangerstrange1", *method, "namespaces/a/jobs/j"),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

TEST_F(JobAccessTest, ProcessesNameTheJobsThatTheCallerMaySee) {
  SomeJobs jobs;
  Serve(&jobs);
  const auto stub = cohort::v1::JobService::NewStub(ChannelOf(kOfA));
  grpc::ClientContext context;
  cohort::v1::ListProcessesResponse response;
  ASSERT_TRUE(stub->ListProcesses(&context, {}, &response).ok());
  EXPECT_THAT(response.processes(0).jobs(), ElementsAre("namespaces/a/jobs/2"));
}

}  // namespace
}  // namespace cohort::coordinator
