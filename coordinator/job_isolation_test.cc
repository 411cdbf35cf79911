// SPDX-License-Identifier: Apache-2.0
// JobAccess in front of the real service.
#include "common/testing/status_matchers.h"
#include "coordinator/coordinator.h"
#include "coordinator/job_service.h"
#include "coordinator/testing/job_access_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {
namespace {

using ::cohort::common::StatusIs;

using JobIsolationTest = JobAccessFixture;

// A job that exists is denied like one that does not, and uploads, whose namespace is in the stream,
// are denied, too.
TEST_F(JobIsolationTest, AJobOfAnotherNamespaceIsNeitherReadNorGivenAway) {
  const CoordinatorOptions options{.data_dir = folder_.Join("data"),
                                   .checkpoint_root = folder_.Join("runs"),
                                   .model_root = folder_.path(),
                                   .data_root = folder_.path(),
                                   .tick_interval = absl::ZeroDuration()};
  const auto accept = [](const cohort::v1::JobSpec& spec, const std::string&,
                         const DatasetRoots&) -> absl::StatusOr<cohort::v1::JobSpec> { return spec; };
  security::WriteSecret(folder_.Join("problems.jsonl"), "{\"question\": \"1+1\", \"answer\": \"2\"}\n");
  prometheus::Registry registry;
  ASSERT_OK_AND_ASSIGN(const auto coordinator, Coordinator::Open(options, accept, common::SystemClock(), &registry));
  JobServiceImpl jobs(coordinator.get(), Protect());
  Serve(&jobs);
  {
    cohort::v1::CreateJobRequest request;
    request.set_parent("namespaces/b");
    request.set_job_id("there");
    *request.mutable_job()->mutable_spec() = SmallRlvrSpec();
    grpc::ClientContext context;
    cohort::v1::Job job;
    const grpc::Status created = cohort::v1::JobService::NewStub(ChannelOf(kAdmin))->CreateJob(&context, request, &job);
    ASSERT_TRUE(created.ok()) << created.error_message();
  }
  for (const MethodDescriptor* method : MethodsWithAName()) {
    const absl::Status there = Call(kOfA, *method, "namespaces/b/jobs/there");
    EXPECT_THAT(there, StatusIs(absl::StatusCode::kPermissionDenied)) << method->name();
    EXPECT_EQ(there, Call(kOfA, *method, "namespaces/b/jobs/absent")) << method->name();
  }
  coordinator->EndPolls();
}

}  // namespace
}  // namespace cohort::coordinator
