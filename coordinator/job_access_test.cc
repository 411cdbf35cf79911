// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_access.h"

#include <memory>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "coordinator/testing/job_access_fixture.h"

namespace cohort::coordinator {
namespace {

using ::cohort::common::StatusIs;
using google::protobuf::MethodDescriptor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using JobAccessTest = JobAccessFixture;

// Has one job to a page, of the namespaces b, a, b and a, and a process that works for a job of each. All other methods
// are UNIMPLEMENTED: that a call got so far.
class PagedJobs final : public cohort::v1::JobService::Service {
 public:
  grpc::Status ListJobs(grpc::ServerContext*, const cohort::v1::ListJobsRequest* request,
                        cohort::v1::ListJobsResponse* response) override {
    const std::vector<std::string> names = {"namespaces/b/jobs/1", "namespaces/a/jobs/2", "namespaces/b/jobs/3",
                                            "namespaces/a/jobs/4"};
    const size_t at = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    response->add_jobs()->set_name(names.at(at));
    if (at + 1 < names.size()) response->set_next_page_token(std::to_string(at + 1));
    return grpc::Status::OK;
  }
  grpc::Status ListProcesses(grpc::ServerContext*, const cohort::v1::ListProcessesRequest*,
                             cohort::v1::ListProcessesResponse* response) override {
    auto& process = *response->add_processes();
    for (const char* job : {"namespaces/b/jobs/1", "namespaces/a/jobs/2"}) process.add_jobs(job);
    return grpc::Status::OK;
  }
};

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

std::vector<std::string> ListAll(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = cohort::v1::JobService::NewStub(channel);
  std::vector<std::string> names;
  cohort::v1::ListJobsRequest request;
  request.set_parent("namespaces/-");
  do {
    grpc::ClientContext context;
    cohort::v1::ListJobsResponse response;
    EXPECT_TRUE(stub->ListJobs(&context, request, &response).ok());
    for (const auto& job : response.jobs()) names.push_back(job.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return names;
}

TEST_F(JobAccessTest, AListOverAllNamespacesHasWhatTheCallerMaySee) {
  PagedJobs jobs;
  Serve(&jobs);
  EXPECT_THAT(ListAll(ChannelOf(kOfA)), ElementsAre("namespaces/a/jobs/2", "namespaces/a/jobs/4"));
  EXPECT_THAT(ListAll(ChannelOf(kAdmin)),
              ElementsAre("namespaces/b/jobs/1", "namespaces/a/jobs/2", "namespaces/b/jobs/3", "namespaces/a/jobs/4"));
}

TEST_F(JobAccessTest, ProcessesNameTheJobsThatTheCallerMaySee) {
  PagedJobs jobs;
  Serve(&jobs);
  const auto stub = cohort::v1::JobService::NewStub(ChannelOf(kOfA));
  grpc::ClientContext context;
  cohort::v1::ListProcessesResponse response;
  ASSERT_TRUE(stub->ListProcesses(&context, {}, &response).ok());
  EXPECT_THAT(response.processes(0).jobs(), ElementsAre("namespaces/a/jobs/2"));
}

}  // namespace
}  // namespace cohort::coordinator
