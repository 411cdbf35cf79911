// SPDX-License-Identifier: Apache-2.0
// Submits that come together, and ones that fail on the way.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

constexpr int kNumCallers = 8;
constexpr int kNumRounds = 20;

class JobSubmitTest : public BenchCoordinator {
 protected:
  static cohort::v1::CreateJobRequest Request(const std::string& id, const std::string& request_id = "") {
    cohort::v1::CreateJobRequest request;
    request.set_job_id(id);
    request.set_request_id(request_id);
    *request.mutable_job()->mutable_spec() = SmallSftSpec();
    return request;
  }
  // The answers to requests that are made together.
  std::vector<absl::StatusOr<cohort::v1::Job>> CreateTogether(
      const std::function<cohort::v1::CreateJobRequest(int)>& request_of) {
    std::vector<absl::StatusOr<cohort::v1::Job>> answers(kNumCallers);
    std::vector<std::thread> callers;
    for (int i = 0; i < kNumCallers; ++i) {
      callers.emplace_back([&, i] { answers[i] = directory_->Create(request_of(i)); });
    }
    for (std::thread& caller : callers) caller.join();
    return answers;
  }
  static int NumWithCode(const std::vector<absl::StatusOr<cohort::v1::Job>>& answers, absl::StatusCode code) {
    return static_cast<int>(std::count_if(answers.begin(), answers.end(),
                                          [code](const auto& answer) { return answer.status().code() == code; }));
  }
  // A job that has succeeded and may be deleted.
  void FinishFirst() {
    cohort::v1::JobSpec spec = SmallSftSpec();
    spec.mutable_training()->set_num_steps(1);
    ASSERT_OK(Create("first", spec));
    const auto place = Join();
    ASSERT_OK(GetPlan(place, 0));
    ASSERT_OK(Commit(place, 1, 'b'));
    ASSERT_OK(Seal(place, 1, 'b'));
    Join();  // its rank has left
    directory_->Reap();
  }
  bool HasFolder(const std::string& id) const { return std::filesystem::exists(folder_.Join("runs/default/" + id)); }
};

TEST_F(JobSubmitTest, OneRequestThatIsMadeManyTimesAtOnceIsOneJobAndEverybodyGetsIt) {
  for (int round = 0; round < kNumRounds; ++round) {
    const std::string id = absl::StrCat("job-", round);
    for (const auto& answer : CreateTogether([&](int) { return Request(id, absl::StrCat("request-", round)); })) {
      ASSERT_OK(answer);
      EXPECT_EQ(answer->name(), NameOf(id));
    }
    EXPECT_TRUE(HasFolder(id));
  }
  EXPECT_EQ(directory_->Runtimes().size(), static_cast<size_t>(kNumRounds));
}

TEST_F(JobSubmitTest, OfManyRequestsForOneNameOneWinsAndTheOthersLeaveItsFolderAlone) {
  for (int round = 0; round < kNumRounds; ++round) {
    const std::string id = absl::StrCat("job-", round);
    const auto answers = CreateTogether([&](int i) { return Request(id, absl::StrCat("request-", round, "-", i)); });
    EXPECT_EQ(NumWithCode(answers, absl::StatusCode::kOk), 1);
    EXPECT_EQ(NumWithCode(answers, absl::StatusCode::kAlreadyExists), kNumCallers - 1);
    EXPECT_TRUE(HasFolder(id));
  }
}

TEST_F(JobSubmitTest, OfManyJobsWithOneRequestIdOneWinsAndOtherNamespacesAreNotAsked) {
  for (int round = 0; round < kNumRounds; ++round) {
    const auto answers = CreateTogether([&](int i) {
      auto request = Request(absl::StrCat("job-", round, "-", i), absl::StrCat("request-", round));
      if (i == 0) request.set_parent("namespaces/team");
      return request;
    });
    EXPECT_OK(answers[0]);
    EXPECT_EQ(NumWithCode(answers, absl::StatusCode::kOk), 2);
    EXPECT_EQ(NumWithCode(answers, absl::StatusCode::kInvalidArgument), kNumCallers - 2);
  }
}

TEST_F(JobSubmitTest, JobsThatAreBeingCreatedCountForTheLimitOfTheirNamespace) {
  context_.limits.max_jobs = 3;
  for (int round = 0; round < kNumRounds; ++round) {
    const auto answers = CreateTogether([&](int i) { return Request(absl::StrCat("job-", i)); });
    EXPECT_EQ(NumWithCode(answers, absl::StatusCode::kOk), 3);
    EXPECT_EQ(NumWithCode(answers, absl::StatusCode::kResourceExhausted), kNumCallers - 3);
    for (int i = 0; i < kNumCallers; ++i) {
      const std::string id = absl::StrCat("job-", i);
      EXPECT_EQ(HasFolder(id), answers[i].ok()) << "nothing is left behind";
      if (!answers[i].ok()) continue;
      ASSERT_OK(directory_->Cancel(NameOf(id)));
      directory_->Reap();
      cohort::v1::DeleteJobRequest deletion;
      deletion.set_name(NameOf(id));
      deletion.set_delete_run_folder(true);
      ASSERT_OK(directory_->Delete(deletion));
    }
  }
}

TEST_F(JobSubmitTest, JobThatAJobBeingCreatedBeginsWithIsKept) {
  ASSERT_NO_FATAL_FAILURE(FinishFirst());
  cohort::v1::DeleteJobRequest deletion;
  deletion.set_name(NameOf("first"));
  absl::Status deleted;
  bool is_asked = false;
  fault_.before_write = [&] {
    if (!std::exchange(is_asked, true)) deleted = directory_->Delete(deletion);
  };
  auto request = Request("second");
  request.mutable_job()->mutable_spec()->mutable_model()->set_from_job("first");
  EXPECT_OK(directory_->Create(request));
  fault_.before_write = [] {};
  EXPECT_THAT(deleted, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(NameOf("second"))));
}

TEST_F(JobSubmitTest, JobThatAJobBeingCheckedBeginsWithIsNotDeletedMeanwhile) {
  ASSERT_NO_FATAL_FAILURE(FinishFirst());
  cohort::v1::DeleteJobRequest deletion;
  deletion.set_name(NameOf("first"));
  absl::Status deleted;
  const auto refuse = [&](const cohort::v1::JobSpec&, const auto&, const auto&) -> absl::StatusOr<cohort::v1::JobSpec> {
    deleted = directory_->Delete(deletion);
    return absl::InvalidArgumentError("not this one");
  };
  gangs_.reset();
  rollouts_.reset();
  ASSERT_OK_AND_ASSIGN(directory_, JobDirectory::Open(&context_, refuse));
  auto request = Request("second");
  request.mutable_job()->mutable_spec()->mutable_model()->set_from_job("first");
  EXPECT_THAT(directory_->Create(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not this one")));
  EXPECT_THAT(deleted, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(NameOf("second"))));
  EXPECT_OK(directory_->Delete(deletion)) << "the submit is over";
}

TEST_F(JobSubmitTest, SubmitDoesNotWaitForAnotherOfItsNameForEver) {
  absl::StatusOr<cohort::v1::Job> second, third;
  bool is_asked = false;
  fault_.before_write = [&] {
    if (std::exchange(is_asked, true)) return;
    std::thread same_name([&] { second = directory_->Create(Request("job", "b")); });
    std::thread same_request([&] { third = directory_->Create(Request("other", "a")); });
    same_name.join();
    same_request.join();
  };
  EXPECT_OK(directory_->Create(Request("job", "a")));
  fault_.before_write = [] {};
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is being checked")));
  EXPECT_THAT(third, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is being checked")));
  EXPECT_THAT(directory_->Create(Request("job", "b")), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(JobSubmitTest, JobThatCannotBeStoredLeavesNothingAndItsNameIsFree) {
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  for (const auto& answer : CreateTogether([](int i) { return Request(absl::StrCat("job-", i % 2)); })) {
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.Join("runs/default")));
  EXPECT_TRUE(directory_->Runtimes().empty());
  fault_.store = absl::OkStatus();
  EXPECT_OK(directory_->Create(Request("job-0")));
  EXPECT_TRUE(HasFolder("job-0"));
}

TEST_F(JobSubmitTest, JobThatIsBeingStoredIsFoundByWhoeverAsksForIt) {
  for (int round = 0; round < kNumRounds; ++round) {
    const std::string id = absl::StrCat("job-", round);
    std::thread canceller;
    absl::StatusOr<cohort::v1::Job> cancelled;
    fault_.before_write = [&] {
      if (!canceller.joinable()) canceller = std::thread([&] { cancelled = directory_->Cancel(NameOf(id)); });
    };
    ASSERT_OK(directory_->Create(Request(id)));
    canceller.join();
    fault_.before_write = [] {};
    ASSERT_OK(cancelled);
    EXPECT_EQ(cancelled->state(), cohort::v1::JOB_STATE_CANCELLED);
    EXPECT_EQ(directory_->Get(NameOf(id))->state(), cohort::v1::JOB_STATE_CANCELLED) << "not only said";
  }
}

// The queue is told of every job that it has to look at, and of no other.
TEST_F(JobSubmitTest, QueueHearsOfJobsThatAreNewOrChangedOrGone) {
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  ASSERT_OK(directory_->Create(Request("a")));
  ASSERT_OK(directory_->Create(Request("b")));
  EXPECT_THAT(directory_->changed().Take(), ElementsAre(NameOf("a"), NameOf("b")));
  for (const auto& runtime : directory_->Runtimes()) runtime->Tick();
  EXPECT_THAT(directory_->changed().Take(), IsEmpty());
  ASSERT_OK(directory_->Pause(NameOf("b")));
  EXPECT_THAT(directory_->changed().Take(), ElementsAre(NameOf("b")));
  ASSERT_OK(directory_->Cancel(NameOf("a")));
  directory_->changed().Take();
  directory_->Reap();
  EXPECT_THAT(directory_->changed().Take(), ElementsAre(NameOf("a")));
}

}  // namespace
}  // namespace cohort::coordinator
