// SPDX-License-Identifier: Apache-2.0
// Changes with an etag whose answers get lost between the coordinator and a client that tries again by itself.
#include <gmock/gmock.h>

#include <memory>

#include "cohort/v1/job_service.grpc.pb.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/grpc_status.h"
#include "common/testing/status_matchers.h"
#include "coordinator/job_service.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/loopback_coordinator.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;

constexpr char kName[] = "namespaces/default/jobs/demo";

// Pauses and resumes and the like by the service behind; loses answers.
class LossyJobs final : public cohort::v1::JobService::Service {
 public:
  explicit LossyJobs(JobServiceImpl* jobs) : jobs_(jobs) {}

  grpc::Status PauseJob(grpc::ServerContext* context, const cohort::v1::PauseJobRequest* request,
                        cohort::v1::Job* response) override {
    return Lose(jobs_->PauseJob(context, request, response));
  }
  grpc::Status ResumeJob(grpc::ServerContext* context, const cohort::v1::ResumeJobRequest* request,
                         cohort::v1::Job* response) override {
    return Lose(jobs_->ResumeJob(context, request, response));
  }
  grpc::Status CancelJob(grpc::ServerContext* context, const cohort::v1::CancelJobRequest* request,
                         cohort::v1::Job* response) override {
    return Lose(jobs_->CancelJob(context, request, response));
  }
  void LoseNext() { loses_next_ = true; }

 private:
  grpc::Status Lose(const grpc::Status& status) {
    if (!loses_next_) return status;
    loses_next_ = false;
    return {grpc::StatusCode::UNAVAILABLE, "the answer is lost"};
  }

  JobServiceImpl* const jobs_;
  bool loses_next_ = false;  // calls come one after the other
};

class LostAnswerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loopback_.Start();
    loopback_.WriteFile("problems.jsonl", "{\"question\": \"1+1\", \"answer\": \"2\"}\n");
    cohort::v1::CreateJobRequest request;
    request.set_job_id("demo");
    *request.mutable_job()->mutable_spec() = SmallRlvrSpec();
    ASSERT_OK_AND_ASSIGN(job_, loopback_.coordinator().jobs().Create(request));
    behind_ = std::make_unique<JobServiceImpl>(&loopback_.coordinator());
    jobs_ = std::make_unique<LossyJobs>(behind_.get());
    ASSERT_OK_AND_ASSIGN(server_,
                         common::GrpcServer::Create("127.0.0.1:0", {jobs_.get()}, /*enable_reflection=*/false));
    stub_ = cohort::v1::JobService::NewStub(common::CreateChannel(server_->Address()));
  }

  // A call with the etag of the job as it was seen last; what it is answered with is seen.
  template <typename Request>
  absl::Status Ask(grpc::Status (cohort::v1::JobService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                        cohort::v1::Job*)) {
    Request request;
    request.set_name(kName);
    request.set_etag(job_.etag());
    grpc::ClientContext context;
    cohort::v1::Job job;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &job);
    if (status.ok()) job_ = job;
    return common::FromGrpcStatus(status);
  }

  LoopbackCoordinator loopback_;
  std::unique_ptr<JobServiceImpl> behind_;
  std::unique_ptr<LossyJobs> jobs_;
  std::unique_ptr<common::GrpcServer> server_;
  std::unique_ptr<cohort::v1::JobService::Stub> stub_;
  cohort::v1::Job job_;
};

using Stub = cohort::v1::JobService::Stub;

TEST_F(LostAnswerTest, ChangeThatWasMadeIsAnsweredAsMade) {
  jobs_->LoseNext();
  ASSERT_OK(Ask(&Stub::PauseJob));
  EXPECT_EQ(job_.state(), cohort::v1::JOB_STATE_PAUSED);
  jobs_->LoseNext();
  ASSERT_OK(Ask(&Stub::ResumeJob));
  EXPECT_EQ(job_.state(), cohort::v1::JOB_STATE_QUEUED);
  jobs_->LoseNext();
  ASSERT_OK(Ask(&Stub::CancelJob));
  EXPECT_EQ(job_.state(), cohort::v1::JOB_STATE_CANCELLED);
}

TEST_F(LostAnswerTest, EtagOfAnotherJobStaysRefusedThoughTheCallIsTriedAgain) {
  ASSERT_OK(loopback_.coordinator().jobs().Pause(kName));
  jobs_->LoseNext();
  EXPECT_THAT(Ask(&Stub::ResumeJob), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(LostAnswerTest, WithoutALostAnswerAnotherEtagIsRefusedInWhateverState) {
  ASSERT_OK(loopback_.coordinator().jobs().Pause(kName));
  EXPECT_THAT(Ask(&Stub::PauseJob), StatusIs(absl::StatusCode::kAborted));
}

}  // namespace
}  // namespace cohort::coordinator
