// SPDX-License-Identifier: Apache-2.0
// JobAccess in front of the real service.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/grpc_status.h"
#include "common/testing/status_matchers.h"
#include "coordinator/coordinator.h"
#include "coordinator/job_service.h"
#include "coordinator/testing/job_access_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {
namespace {

using ::cohort::common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class JobIsolationTest : public JobAccessFixture {
 protected:
  ~JobIsolationTest() override {
    if (coordinator_ != nullptr) coordinator_->EndPolls();
    server_.reset();  // no handler outlives what it works on
  }

  void Start(JobServiceOptions options = {}) {
    const CoordinatorOptions folders{.data_dir = folder_.Join("data"),
                                     .checkpoint_root = folder_.Join("runs"),
                                     .model_root = folder_.path(),
                                     .data_root = folder_.path(),
                                     .tick_interval = absl::ZeroDuration()};
    const auto accept = [](const cohort::v1::JobSpec& spec, const std::string&,
                           const DatasetRoots&) -> absl::StatusOr<cohort::v1::JobSpec> { return spec; };
    security::WriteSecret(folder_.Join("problems.jsonl"), "{\"question\": \"1+1\", \"answer\": \"2\"}\n");
    ASSERT_OK_AND_ASSIGN(coordinator_, Coordinator::Open(folders, accept, common::SystemClock(), &registry_));
    options.security = Protect();
    jobs_ = std::make_unique<JobServiceImpl>(coordinator_.get(), options);
    Serve(jobs_.get());
  }
  std::unique_ptr<cohort::v1::JobService::Stub> StubOf(const char* token) {
    return cohort::v1::JobService::NewStub(ChannelOf(token));
  }
  absl::Status Create(const char* token, const std::string& name_space, const std::string& id,
                      const cohort::v1::JobSpec& spec = SmallRlvrSpec()) {
    cohort::v1::CreateJobRequest request;
    request.set_parent("namespaces/" + name_space);
    request.set_job_id(id);
    *request.mutable_job()->mutable_spec() = spec;
    grpc::ClientContext context;
    cohort::v1::Job job;
    return common::FromGrpcStatus(StubOf(token)->CreateJob(&context, request, &job));
  }
  std::vector<std::string> ListAll(const char* token) {
    const auto stub = StubOf(token);
    std::vector<std::string> names;
    cohort::v1::ListJobsRequest request;
    request.set_parent("namespaces/-");
    request.set_page_size(1);
    do {
      grpc::ClientContext context;
      cohort::v1::ListJobsResponse response;
      EXPECT_TRUE(stub->ListJobs(&context, request, &response).ok());
      for (const auto& job : response.jobs()) names.push_back(job.name());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }

  prometheus::Registry registry_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<JobServiceImpl> jobs_;
};

// A job that exists is denied like one that does not, and uploads, whose namespace is in the stream,
// are denied, too.
TEST_F(JobIsolationTest, AJobOfAnotherNamespaceIsNeitherReadNorGivenAway) {
  Start();
  ASSERT_OK(Create(kAdmin, "b", "there"));
  for (const MethodDescriptor* method : MethodsWithAName()) {
    const absl::Status there = Call(kOfA, *method, "namespaces/b/jobs/there");
    EXPECT_THAT(there, StatusIs(absl::StatusCode::kPermissionDenied)) << method->name();
    EXPECT_EQ(there, Call(kOfA, *method, "namespaces/b/jobs/absent")) << method->name();
  }
}

TEST_F(JobIsolationTest, AListOverAllNamespacesHasWhatTheCallerMaySee) {
  Start();
  for (const auto& [name_space, id] : std::vector<std::pair<std::string, std::string>>{
           {"b", "first"}, {"a", "second"}, {"b", "third"}, {"a", "last"}}) {
    ASSERT_OK(Create(kAdmin, name_space, id));
  }
  EXPECT_THAT(ListAll(kOfA), ElementsAre("namespaces/a/jobs/last", "namespaces/a/jobs/second"));
  EXPECT_THAT(ListAll(kAdmin), ElementsAre("namespaces/a/jobs/last", "namespaces/b/jobs/third",
                                           "namespaces/a/jobs/second", "namespaces/b/jobs/first"));
}

TEST_F(JobIsolationTest, CommandVerifiersAreTakenFromAdminsAloneWhenSaidSo) {
  Start({.command_verifiers = CommandVerifierUse::kAdmins});
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  auto& verifier = *spec.mutable_rlvr()->mutable_reward()->add_verifiers();
  verifier.set_name("judge");
  verifier.mutable_command()->add_argv("true");
  EXPECT_OK(Create(kOfA, "a", "plain"));
  EXPECT_THAT(Create(kOfA, "a", "judged", spec),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("].command: ")));
  EXPECT_OK(Create(kAdmin, "a", "judged", spec));
}

// A watch of a job that has not ended, and its first event.
class OpenWatch final {
 public:
  OpenWatch(cohort::v1::JobService::Stub* stub, const std::string& name) {
    cohort::v1::WatchJobRequest request;
    request.set_name(name);
    stream_ = stub->WatchJob(&context_, request);
    cohort::v1::JobEvent event;
    is_open_ = stream_->Read(&event);
  }
  ~OpenWatch() {
    if (is_open_) End().IgnoreError();
  }

  bool is_open() const { return is_open_; }
  absl::Status End() {
    if (is_open_) context_.TryCancel();
    is_open_ = false;
    return common::FromGrpcStatus(stream_->Finish());
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<cohort::v1::JobEvent>> stream_;
  bool is_open_ = false;
};

TEST_F(JobIsolationTest, WatchesOfOneCallerLeaveRoomForOthers) {
  Start({.watches = {.max_open_per_caller = 1}});
  ASSERT_OK(Create(kOfA, "a", "demo"));
  const auto mine = StubOf(kOfA);
  const auto other = StubOf(kAdmin);
  OpenWatch first(mine.get(), "namespaces/a/jobs/demo");
  EXPECT_TRUE(first.is_open());
  OpenWatch second(mine.get(), "namespaces/a/jobs/demo");
  EXPECT_FALSE(second.is_open());
  EXPECT_THAT(second.End(), StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("max_watches_per_caller: ")));
  const OpenWatch third(other.get(), "namespaces/a/jobs/demo");
  EXPECT_TRUE(third.is_open());
}

}  // namespace
}  // namespace cohort::coordinator
