// SPDX-License-Identifier: Apache-2.0
// Many jobs at once: whose turn it is, who makes room, and which worker is whose.
#include <gmock/gmock.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "coordinator/process_list.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JobSchedulingTest : public BenchCoordinator {
 protected:
  static cohort::v1::JobSpec SpecWithPriority(int32_t priority) {
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    spec.mutable_scheduling()->set_priority(priority);
    return spec;
  }
  // Starts on the only rank of this name; its groups can be claimed.
  cohort::v1::JoinGangResponse Start(const std::string& id, const cohort::v1::JobSpec& spec, const std::string& rank) {
    EXPECT_OK(Create(id, spec));
    const cohort::v1::JoinGangResponse place = Join(rank);
    EXPECT_EQ(place.job(), NameOf(id));
    EXPECT_OK(Publish(place, /*version=*/0, 'a'));
    return place;
  }
  cohort::v1::ClaimGroupsResponse ClaimOn(const std::string& device, int64_t memory_bytes, const std::string& worker) {
    cohort::v1::ClaimGroupsRequest request;
    request.mutable_worker()->set_worker_id(worker);
    request.mutable_worker()->set_device(device);
    request.mutable_worker()->set_memory_bytes(memory_bytes);
    request.set_max_groups(1);
    return *rollouts_->Claim(request);
  }
  static std::string JobOf(const cohort::v1::ClaimGroupsResponse& claimed) {
    return claimed.groups().empty() ? "none" : claimed.groups(0).job();
  }
  cohort::v1::StepAction NextAction(const cohort::v1::JoinGangResponse& place) {
    cohort::v1::GetStepRequest request;
    request.set_job(place.job());
    request.set_incarnation(place.incarnation());
    request.set_world_size(place.world_size());
    return gangs_->WaitForPlan(request, [] { return false; })->action();
  }
};

TEST_F(JobSchedulingTest, JobOfHigherPriorityIsGivenTheRanksOfALowerOneAndThatGoesOnAfterwards) {
  const auto low = Start("low", SpecWithPriority(0), "rank");
  ASSERT_OK(Create("high", SpecWithPriority(5)));
  Tick();
  EXPECT_THAT(Get("high").waits_for(), HasSubstr("0 of 1 matching ranks, more are on their way"));
  EXPECT_EQ(metrics_.Preemptions(NameOf("low")).Value(), 1);
  Tick();
  EXPECT_EQ(metrics_.Preemptions(NameOf("low")).Value(), 1) << "it stops already";
  ASSERT_EQ(NextAction(low), cohort::v1::STEP_ACTION_STOP);
  ASSERT_OK(Seal(low, /*version=*/0, 'a'));
  const auto high = Join("rank");
  EXPECT_EQ(high.job(), NameOf("high"));
  EXPECT_EQ(Get("low").state(), cohort::v1::JOB_STATE_PREEMPTED);
  Tick();
  EXPECT_EQ(Get("low").queue_position(), 1);
  ASSERT_OK(directory_->Cancel(NameOf("high")));
  ASSERT_EQ(NextAction(high), cohort::v1::STEP_ACTION_STOP);
  EXPECT_EQ(Join("rank").job(), NameOf("low"));
}

TEST_F(JobSchedulingTest, JobAnswersSayThePlaceInTheQueueAndWhy) {
  ASSERT_OK(Create("first", SpecWithPriority(0)));
  ASSERT_OK(Create("urgent", SpecWithPriority(1)));
  Tick();
  EXPECT_EQ(Get("urgent").queue_position(), 1);
  EXPECT_EQ(Get("first").queue_position(), 2);
  EXPECT_EQ(Get("first").waits_for(), "its turn: 0 of 1 matching ranks are registered");
  EXPECT_EQ(metrics_.QueuedJobs("default").Value(), 2);
  EXPECT_EQ(Join("rank").job(), NameOf("urgent"));
  Tick();
  EXPECT_EQ(Get("urgent").queue_position(), 0);
  EXPECT_EQ(Get("first").queue_position(), 1);
  EXPECT_EQ(metrics_.QueuedJobs("default").Value(), 1);
  EXPECT_EQ(metrics_.RanksHeld("default").Value(), 1);
}

TEST_F(JobSchedulingTest, RankThatDoesNotMatchIsNotGivenToTheJob) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_scheduling()->mutable_rank()->set_device("cuda");
  spec.mutable_scheduling()->mutable_rank()->set_min_memory_bytes(100);
  ASSERT_OK(Create("gpu", spec));
  ASSERT_OK(Create("any", SmallRlvrSpec()));
  EXPECT_EQ(Join("rank").job(), NameOf("any")) << "the older one keeps nothing that it cannot use";
  cohort::v1::JoinGangRequest request;
  request.set_learner_id("gpu-rank");
  request.set_device("cuda:1");
  request.set_memory_bytes(100);
  EXPECT_EQ(gangs_->Join(request, [] { return false; })->job(), NameOf("gpu"));
}

TEST_F(JobSchedulingTest, ClaimGoesToTheFirstJobThatTheWorkerMatches) {
  cohort::v1::JobSpec urgent = SpecWithPriority(5);
  urgent.mutable_scheduling()->mutable_worker()->set_device("cuda");
  urgent.mutable_scheduling()->mutable_worker()->set_min_memory_bytes(100);
  Start("plain", SpecWithPriority(0), "rank-0");
  Start("urgent", urgent, "rank-1");
  EXPECT_EQ(JobOf(ClaimOn("cuda:0", 100, "large")), NameOf("urgent"));
  EXPECT_EQ(JobOf(ClaimOn("cuda:0", 99, "small")), NameOf("plain"));
  EXPECT_EQ(JobOf(ClaimOn("cpu", 1000, "cpu")), NameOf("plain"));
}

TEST_F(JobSchedulingTest, NoMoreWorkersHoldGroupsThanTheJobAllows) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_scheduling()->set_max_workers(1);
  Start("narrow", spec, "rank");
  const auto first = Claim("w1", 1);
  ASSERT_EQ(first.groups_size(), 1);
  EXPECT_EQ(Claim("w2", 1).groups_size(), 0);
  EXPECT_EQ(Claim("w1", 1).groups_size(), 1) << "the one that is there may have more";
  EXPECT_EQ(Get("narrow").num_workers(), 1);
  Release(first, "");
  EXPECT_EQ(Claim("w2", 1).groups_size(), 0);
}

TEST_F(JobSchedulingTest, JobWaitsForItsWorkers) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_scheduling()->set_min_workers(1);
  ASSERT_OK(Create("elastic", spec));
  EXPECT_EQ(Join("rank").job(), "");
  Tick();
  EXPECT_EQ(Get("elastic").waits_for(), "its turn: 0 of 1 matching rollout workers");
  Claim("worker", 1);
  EXPECT_EQ(Join("rank").job(), NameOf("elastic"));
}

TEST_F(JobSchedulingTest, NamespaceMayHaveNoMoreJobsThanItsLimit) {
  context_.limits.max_jobs = 1;
  ASSERT_OK(Create("one", SmallRlvrSpec()));
  EXPECT_THAT(Create("two", SmallRlvrSpec()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_jobs_per_namespace")));
  cohort::v1::CreateJobRequest request;
  request.set_job_id("two");
  *request.mutable_job()->mutable_spec() = SmallRlvrSpec();
  request.set_validate_only(true);
  EXPECT_THAT(directory_->Create(request), StatusIs(absl::StatusCode::kResourceExhausted));
  request.set_parent("namespaces/other");
  EXPECT_OK(directory_->Create(request)) << "another namespace has its own";
}

TEST_F(JobSchedulingTest, NamespaceHoldsNoMoreRanksThanItsLimit) {
  context_.limits.max_ranks = 1;
  Start("one", SmallRlvrSpec(), "rank-0");
  ASSERT_OK(Create("two", SmallRlvrSpec()));
  EXPECT_EQ(Join("rank-1").job(), "");
  EXPECT_EQ(Get("two").waits_for(), "its turn: namespace default holds 1 of 1 ranks");
}

TEST_F(JobSchedulingTest, ProcessesAreListedWithWhatTheyWorkFor) {
  Start("one", SmallRlvrSpec(), "rank");
  ClaimOn("cpu", 64, "worker");
  Join("idle-rank");
  ASSERT_OK_AND_ASSIGN(const auto listed, ListProcesses({}, context_, *directory_, *gangs_));
  EXPECT_EQ(listed.next_page_token(), "");
  ASSERT_EQ(listed.processes_size(), 3);
  const cohort::v1::Process& worker = listed.processes(0);
  EXPECT_EQ(worker.id(), "worker");
  EXPECT_EQ(worker.role(), cohort::v1::Process::ROLLOUT_WORKER);
  EXPECT_EQ(worker.memory_bytes(), 64);
  EXPECT_THAT(worker.jobs(), ElementsAre(NameOf("one")));
  EXPECT_EQ(worker.num_groups(), 1);
  EXPECT_EQ(listed.processes(1).id(), "idle-rank");
  EXPECT_TRUE(listed.processes(1).jobs().empty());
  const cohort::v1::Process& rank = listed.processes(2);
  EXPECT_EQ(rank.id(), "rank");
  EXPECT_EQ(rank.role(), cohort::v1::Process::LEARNER_RANK);
  EXPECT_THAT(rank.jobs(), ElementsAre(NameOf("one")));
  EXPECT_EQ(rank.last_heard().seconds(), absl::ToUnixSeconds(clock_.Now()));
}

TEST_F(JobSchedulingTest, PagesOfProcessesFollowEachOtherThoughSomeCome) {
  for (const char* worker : {"worker-1", "worker-2", "worker-3"}) ClaimOn("cpu", 64, worker);
  Join("rank-1");
  cohort::v1::ListProcessesRequest request;
  request.set_page_size(2);
  std::vector<std::string> ids;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, ListProcesses(request, context_, *directory_, *gangs_));
    ASSERT_LE(page.processes_size(), 2);
    for (const auto& process : page.processes()) ids.push_back(process.id());
    if (request.page_token().empty()) {
      ClaimOn("cpu", 64, "worker-0");
      Join("a-rank");
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre("worker-1", "worker-2", "worker-3", "a-rank", "rank-1"));
  request.set_page_token("nonsense");
  EXPECT_THAT(ListProcesses(request, context_, *directory_, *gangs_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_token")));
  request.Clear();
  request.set_page_size(-1);
  EXPECT_THAT(ListProcesses(request, context_, *directory_, *gangs_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_size")));
}

TEST_F(JobSchedulingTest, JobThatCouldNotStartTakesNoRanksFromOthersUntilItWasPaused) {
  ASSERT_OK(Create("high", SpecWithPriority(5)));
  ASSERT_OK(Create("low", SpecWithPriority(0)));
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  fault_.store_of_job = NameOf("high");
  EXPECT_EQ(Join("rank").job(), NameOf("low"));
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_FALSE(Runtime("low")->Demand().is_stopping);
  ASSERT_OK(directory_->Pause(NameOf("high")));
  Tick();
  ASSERT_OK(directory_->Resume(NameOf("high")));
  Tick();
  EXPECT_TRUE(Runtime("low")->Demand().is_stopping);
}

}  // namespace
}  // namespace cohort::coordinator
