// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_queue.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "coordinator/testing/queue_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JobQueueTest : public ::testing::Test {
 protected:
  void Decide() { decision_ = DecideQueue(queue_.snapshot()); }
  std::vector<std::string> Started() const {
    std::vector<std::string> jobs;
    for (const QueueStart& start : decision_.starts) jobs.push_back(start.job);
    return jobs;
  }
  std::vector<std::string> Waiting() const {
    std::vector<std::string> jobs;
    for (const QueuedJob& job : decision_.queue) jobs.push_back(job.job);
    return jobs;
  }
  std::vector<std::string> Victims() const {
    std::vector<std::string> jobs;
    for (const QueuePreemption& preemption : decision_.preemptions) jobs.push_back(preemption.victim);
    return jobs;
  }
  std::string WhyWaits(const std::string& job) const {
    for (const QueuedJob& waiting : decision_.queue) {
      if (waiting.job == job) return waiting.reason;
    }
    return "does not wait";
  }

  QueueBuilder queue_;
  QueueDecision decision_;
};

TEST_F(JobQueueTest, HigherPriorityGoesFirstAndThenTheOlderJob) {
  queue_.Queued("a", 1);
  queue_.Queued("a", 1);
  queue_.Queued("a", 1, /*priority=*/5);
  queue_.Waiting(2);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("a/3", "a/1"));
  EXPECT_THAT(Waiting(), ElementsAre("a/2"));
  EXPECT_EQ(WhyWaits("a/2"), "0 of 1 matching ranks");
}

TEST_F(JobQueueTest, WithinAPriorityTheNamespaceWithFewerRanksGoesFirst) {
  queue_.Running("a", 2);
  queue_.Queued("a", 1);
  queue_.Queued("a", 1);
  queue_.Queued("b", 1);
  queue_.Queued("b", 1);
  queue_.Queued("b", 1);
  queue_.Waiting(4);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("b/4", "b/5", "a/2", "b/6")) << "what starts counts at once";
  EXPECT_THAT(Waiting(), ElementsAre("a/3"));
}

TEST_F(JobQueueTest, OfEqualSharesTheNamespaceThatUsedLessGoesFirst) {
  queue_.Queued("a", 1);
  queue_.Queued("b", 1);
  queue_.snapshot().device_seconds = {{"a", 10}, {"b", 9}};
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("b/2"));
}

TEST_F(JobQueueTest, PreemptedJobKeepsItsAge) {
  queue_.Queued("a", 1).state = cohort::v1::JOB_STATE_PREEMPTED;
  queue_.Queued("a", 1);
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("a/1"));
}

TEST_F(JobQueueTest, GangIsOfMatchingRanksOfOneKindAndOfTheSmallestThatWillDo) {
  JobDemand& job = queue_.Queued("a", 2);
  job.rank.set_min_memory_bytes(40);
  queue_.Waiting(1, {.device = "cuda:0", .memory_bytes = 20});
  queue_.Waiting(1, {.device = "cuda:0", .memory_bytes = 80});
  queue_.Waiting(1, {.device = "cuda:0", .memory_bytes = 40});
  queue_.Waiting(1, {.device = "cuda:1", .memory_bytes = 48});
  queue_.Waiting(1, {.device = "cpu", .memory_bytes = 400});
  Decide();
  ASSERT_EQ(decision_.starts.size(), 1u);
  EXPECT_THAT(decision_.starts[0].learners, ElementsAre("learner-2", "learner-3"));
}

TEST_F(JobQueueTest, GangIsNotMixedOfKindsOfDevices) {
  queue_.Queued("a", 2);
  queue_.Waiting(1, {.device = "cuda:0"});
  queue_.Waiting(1, {.device = "cpu"});
  Decide();
  EXPECT_THAT(Started(), IsEmpty());
  EXPECT_EQ(WhyWaits("a/1"), "1 of 2 matching ranks are registered");
}

TEST_F(JobQueueTest, BlockedJobKeepsRanksFromThoseBehindIt) {
  queue_.Running("c", 2, /*priority=*/9);
  queue_.Queued("a", 4, /*priority=*/1);
  queue_.Queued("b", 1);
  queue_.Waiting(3);
  Decide();
  EXPECT_THAT(Started(), IsEmpty());
  EXPECT_EQ(WhyWaits("a/2"), "3 of 4 matching ranks");
  EXPECT_EQ(WhyWaits("b/3"), "0 of 1 matching ranks, 3 kept for jobs before it");
}

TEST_F(JobQueueTest, RanksThatWouldNotHelpAreNotKept) {
  queue_.Queued("a", 4, /*priority=*/2);
  JobDemand& gpu_job = queue_.Queued("a", 1, /*priority=*/1);
  gpu_job.rank.set_device("cuda");
  queue_.Queued("b", 1);
  queue_.Waiting(3);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("b/3"));
  EXPECT_EQ(WhyWaits("a/1"), "3 of 4 matching ranks are registered") << "no job that ends changes that";
  EXPECT_EQ(WhyWaits("a/2"), "0 of 1 matching ranks are registered");
}

TEST_F(JobQueueTest, RankBetweenTwoCallsIsWaitedFor) {
  queue_.Running("b", 1);
  queue_.Queued("a", 2, /*priority=*/1);
  queue_.Waiting(1);
  queue_.Add(QueueLearner::Place::kAbsent, {.device = "cpu"});
  Decide();
  EXPECT_THAT(Started(), IsEmpty());
  EXPECT_THAT(Victims(), IsEmpty()) << "the absent one is back in a moment";
  EXPECT_EQ(WhyWaits("a/2"), "1 of 2 matching ranks, more are on their way");
}

TEST_F(JobQueueTest, WorkersAreRequiredButNotHeld) {
  JobDemand& job = queue_.Queued("a", 1);
  job.min_workers = 3;
  job.worker.set_device("cuda");
  queue_.Queued("b", 1);
  queue_.Waiting(1);
  queue_.Workers(2, {.device = "cuda:0"});
  queue_.Workers(5);
  Decide();
  EXPECT_EQ(WhyWaits("a/1"), "2 of 3 matching rollout workers");
  EXPECT_THAT(Started(), ElementsAre("b/2")) << "what waits for workers keeps no ranks";
  queue_.Workers(1, {.device = "cuda:0"});
  Decide();
  EXPECT_THAT(Started(), ElementsAre("a/1"));
}

TEST_F(JobQueueTest, JobWithoutRanksNeedsOnlyItsWorkers) {
  queue_.Queued("a", 0).min_workers = 1;
  Decide();
  EXPECT_EQ(WhyWaits("a/1"), "0 of 1 matching rollout workers");
  queue_.Workers(1);
  Decide();
  ASSERT_THAT(Started(), ElementsAre("a/1"));
  EXPECT_THAT(decision_.starts[0].learners, IsEmpty());
  EXPECT_THAT(decision_.running, ElementsAre("a/1"));
}

TEST_F(JobQueueTest, NamespaceStaysBelowItsLimitAndOthersGoOn) {
  queue_.snapshot().max_ranks_per_namespace = 3;
  queue_.Running("a", 2);
  queue_.Queued("a", 2);
  queue_.Queued("a", 1);
  queue_.Queued("b", 1);
  queue_.Queued("c", 4);
  queue_.Waiting(4);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("b/4"));
  EXPECT_EQ(WhyWaits("a/2"), "namespace a holds 2 of 3 ranks");
  EXPECT_EQ(WhyWaits("a/3"), "namespace a holds 2 of 3 ranks")
      << "a smaller job does not take what the older waits for";
  EXPECT_EQ(WhyWaits("c/5"), "namespace c holds 0 of 3 ranks");
}

TEST_F(JobQueueTest, PreemptsTheLowestAndYoungestAndNoMoreThanNeeded) {
  queue_.Running("a", 1, /*priority=*/1);
  queue_.Running("a", 1, /*priority=*/0);
  queue_.Running("a", 1, /*priority=*/0);
  queue_.Running("a", 2, /*priority=*/5);
  queue_.Queued("b", 2, /*priority=*/5);
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Victims(), ElementsAre("a/3"));
  EXPECT_EQ(decision_.preemptions[0].by, "b/5");
  EXPECT_EQ(WhyWaits("b/5"), "1 of 2 matching ranks, more are on their way");
}

TEST_F(JobQueueTest, VictimThatTurnsOutNotToBeNeededGoesOn) {
  queue_.Running("a", 4, /*priority=*/1);
  queue_.Running("a", 1, /*priority=*/0);
  queue_.Queued("b", 4, /*priority=*/5);
  Decide();
  EXPECT_THAT(Victims(), ElementsAre("a/1")) << "with its four ranks the one of a/2 is not needed";
}

TEST_F(JobQueueTest, PreemptsNobodyWhenThatWouldNotSuffice) {
  queue_.Running("a", 1, /*priority=*/0);
  queue_.Running("a", 1, /*priority=*/5);
  queue_.Queued("b", 2, /*priority=*/5);
  Decide();
  EXPECT_THAT(Victims(), IsEmpty()) << "a job of the same priority is no victim";
  queue_.Running("a", 1, /*priority=*/0, {.device = "cuda:0"});
  Decide();
  EXPECT_THAT(Victims(), IsEmpty()) << "another kind of device";
}

TEST_F(JobQueueTest, PreemptsNoMoreWhileVictimsStop) {
  queue_.Running("a", 1).is_stopping = true;
  queue_.Running("a", 1);
  queue_.Queued("b", 1, /*priority=*/1);
  Decide();
  EXPECT_THAT(Victims(), IsEmpty());
  queue_.Queued("b", 1, /*priority=*/1);
  Decide();
  EXPECT_THAT(Victims(), ElementsAre("a/2")) << "the ranks of one victim are not waited for twice";
}

TEST_F(JobQueueTest, UrgentJobMakesRoomInItsOwnNamespace) {
  queue_.snapshot().max_ranks_per_namespace = 2;
  queue_.Running("a", 1);
  queue_.Running("a", 1);
  queue_.Running("b", 1);
  queue_.Queued("a", 1, /*priority=*/1);
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Victims(), ElementsAre("a/2")) << "there is a rank, but the namespace may not hold it as well";
}

TEST_F(JobQueueTest, JobThatCouldNotStartKeepsNothingAndPreemptsNobody) {
  queue_.Running("c", 1);
  queue_.Queued("a", 2, /*priority=*/1);
  queue_.Queued("b", 1);
  queue_.Waiting(1);
  queue_.snapshot().doubtful = {"a/2"};
  Decide();
  EXPECT_THAT(Victims(), IsEmpty());
  EXPECT_THAT(Started(), ElementsAre("b/3"));
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("a/2")) << "what is free it may try";
}

TEST_F(JobQueueTest, JobWithAReasonOfItsOwnWaitsWithoutAnother) {
  queue_.Queued("a", 1).may_start = false;
  queue_.Queued("a", 1);
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Started(), ElementsAre("a/2"));
  EXPECT_EQ(WhyWaits("a/1"), "");
}

TEST_F(JobQueueTest, RunningJobsAreServedInTheSameOrder) {
  queue_.Running("a", 2);
  queue_.Running("b", 1);
  queue_.Running("a", 1, /*priority=*/1);
  queue_.Queued("c", 1);
  queue_.Queued("c", 0).state = cohort::v1::JOB_STATE_PAUSED;
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(decision_.running, ElementsAre("a/3", "c/4", "b/2", "a/1"));
  EXPECT_THAT(Waiting(), IsEmpty());
}

TEST_F(JobQueueTest, JobWhoseDatasetIsReadHoldsTheRanksItWillHave) {
  queue_.Queued("a", 1).is_reading = true;
  queue_.Queued("a", 1);
  queue_.Waiting(1);
  Decide();
  EXPECT_THAT(Started(), IsEmpty());
  EXPECT_EQ(WhyWaits("a/1"), "its files are being read");
  queue_.snapshot().doubtful = {"a/1"};
  Decide();
  EXPECT_THAT(Started(), ElementsAre("a/2")) << "once it could not start it keeps nothing";
}

}  // namespace
}  // namespace cohort::coordinator
