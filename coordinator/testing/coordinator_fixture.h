// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_COORDINATOR_FIXTURE_H_
#define COHORT_COORDINATOR_TESTING_COORDINATOR_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/testing/fake_learner.h"
#include "coordinator/testing/fake_worker.h"
#include "coordinator/testing/loopback_coordinator.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {

// A loopback coordinator with ten problems, three held-out ones, and as many fake workers and ranks as a test starts.
class CoordinatorFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string rows, held_out;
    for (int i = 0; i < 10; ++i)
      absl::StrAppend(&rows, R"({"question": ")", i, R"( + 1 =", "answer": ")", i + 1, "\"}\n");
    for (int i = 0; i < 3; ++i)
      absl::StrAppend(&held_out, R"({"question": ")", i, R"( + 7 =", "answer": ")", i + 7, "\"}\n");
    loopback_.WriteFile("problems.jsonl", rows);
    loopback_.WriteFile("held_out.jsonl", held_out);
    loopback_.Start();
  }
  void TearDown() override {
    loopback_.Close();
    workers_.clear();
    learners_.clear();
  }

  std::string Submit(const std::string& id, const cohort::v1::JobSpec& spec) {
    grpc::ClientContext context;
    cohort::v1::CreateJobRequest request;
    request.set_job_id(id);
    *request.mutable_job()->mutable_spec() = spec;
    cohort::v1::Job job;
    const grpc::Status status = loopback_.Connect().jobs->CreateJob(&context, request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job.name();
  }
  cohort::v1::Job Get(const std::string& name) { return loopback_.coordinator().context().store->GetJob(name)->job; }
  // All events of a job until it has ended. Goes on over restarts of the coordinator.
  std::vector<cohort::v1::JobEvent> WatchToEnd(const std::string& name, int64_t resume_token = 0) {
    std::vector<cohort::v1::JobEvent> events;
    while (true) {
      grpc::ClientContext context;
      cohort::v1::WatchJobRequest request;
      request.set_name(name);
      request.set_resume_token(events.empty() ? resume_token : events.back().sequence());
      const CoordinatorStubs stubs = loopback_.Connect();
      const auto reader = stubs.jobs->WatchJob(&context, request);
      cohort::v1::JobEvent event;
      while (reader->Read(&event)) events.push_back(event);
      if (reader->Finish().ok()) return events;
    }
  }
  void StartWorkers(int count, const FakeScore& score) {
    for (int i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<FakeWorker>(&loopback_, absl::StrCat("worker-", i), score));
    }
  }
  void StartLearners(int count) {
    for (int i = 0; i < count; ++i) {
      learners_.push_back(std::make_unique<FakeLearner>(&loopback_, absl::StrCat("learner-", i), &record_));
    }
  }
  cohort::v1::ClaimGroupsResponse Claim(const std::string& worker, int count) {
    grpc::ClientContext context;
    cohort::v1::ClaimGroupsRequest request;
    request.mutable_worker()->set_worker_id(worker);
    request.set_max_groups(count);
    request.mutable_wait()->set_seconds(20);
    cohort::v1::ClaimGroupsResponse response;
    EXPECT_TRUE(loopback_.Connect().rollouts->ClaimGroups(&context, request, &response).ok());
    return response;
  }

  LoopbackCoordinator loopback_;
  TrainingRecord record_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
  std::vector<std::unique_ptr<FakeLearner>> learners_;
};

inline std::vector<cohort::v1::StepReport> Steps(const std::vector<cohort::v1::JobEvent>& events) {
  std::vector<cohort::v1::StepReport> steps;
  for (const auto& event : events) {
    if (event.has_step()) steps.push_back(event.step());
  }
  return steps;
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_COORDINATOR_FIXTURE_H_
