// SPDX-License-Identifier: Apache-2.0
#include "coordinator/standing_queue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/job_queue.h"
#include "coordinator/testing/queue_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using Place = QueueLearner::Place;
using ::testing::IsEmpty;

constexpr int kNumChanges = 150;
constexpr int kMaxRounds = 100;

std::string Text(const QueueDecision& decision) {
  std::string text;
  for (const QueueStart& start : decision.starts) {
    absl::StrAppend(&text, "start ", start.job);
    for (const std::string& learner : start.learners) absl::StrAppend(&text, " ", learner);
    absl::StrAppend(&text, "\n");
  }
  for (const auto& preemption : decision.preemptions) {
    absl::StrAppend(&text, "preempt ", preemption.victim, " by ", preemption.by, "\n");
  }
  for (const QueuedJob& job : decision.queue) absl::StrAppend(&text, "wait ", job.job, ": ", job.reason, "\n");
  for (const std::string& job : decision.running) absl::StrAppend(&text, "run ", job, "\n");
  return text;
}

// A cluster, its jobs, and a queue that hears only of what changes.
class ClusterOfChanges final {
 public:
  ClusterOfChanges(uint32_t seed, int64_t limit) : random_(seed) {
    truth_.max_ranks_per_namespace = limit;
    queue_.SetLimit(limit);
  }

  void Change() {
    const int kind = UpTo(19);
    if (kind < 11) return Submit();
    if (kind < 13) return EndJob();
    if (kind < 14) return PauseJob();
    if (kind < 18) return ChangeLearner();
    // What the queue does not know of: whoever changes it asks.
    truth_.device_seconds[Namespace()] = UpTo(3);
    queue_.SetUse(truth_.device_seconds);
    if (!truth_.jobs.empty() && UpTo(1) == 0) truth_.doubtful = {Any(truth_.jobs).job};
    queue_.SetDoubtful(truth_.doubtful);
    DecideAndCompare();
  }
  // A decision that is spared would have changed nothing; one that is made is that of everything looked at afresh.
  void Check() {
    if (!queue_.MustDecide()) {
      ++num_spared_;
      const QueueDecision fresh = DecideQueue(truth_);
      ASSERT_THAT(fresh.starts, IsEmpty());
      ASSERT_THAT(fresh.preemptions, IsEmpty());
      ASSERT_THAT(fresh.running, ::testing::UnorderedElementsAreArray(running_));
      return;
    }
    ++num_decided_;
    for (int round = 0; queue_.MustDecide(); ++round) {
      ASSERT_LT(round, kMaxRounds);
      DecideAndCompare();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  int num_spared() const { return num_spared_; }
  int num_decided() const { return num_decided_; }
  int num_started() const { return num_started_; }
  int num_preempted() const { return num_preempted_; }

 private:
  // Not std::uniform_int_distribution, which differs between libraries.
  int UpTo(int most) { return static_cast<int>(random_() % static_cast<uint32_t>(most + 1)); }
  std::string Namespace() { return std::string(1, static_cast<char>('a' + UpTo(2))); }
  template <typename T>
  T& Any(std::vector<T>& all) {
    return all[UpTo(static_cast<int>(all.size()) - 1)];
  }
  JobDemand* Find(const std::string& name) {
    return &*std::find_if(truth_.jobs.begin(), truth_.jobs.end(), [&](const auto& job) { return job.job == name; });
  }

  void Submit() {
    ++num_jobs_;
    JobDemand job{.job = absl::StrCat("job-", num_jobs_),
                  .name_space = Namespace(),
                  .sequence = num_jobs_,
                  .state = cohort::v1::JOB_STATE_QUEUED,
                  .priority = UpTo(2),
                  .world_size = UpTo(9) == 0 ? 0 : 1 + UpTo(3),
                  .may_start = UpTo(9) != 0};
    if (UpTo(2) > 0) job.rank.set_device(UpTo(2) == 0 ? "cuda" : "cpu");
    truth_.jobs.push_back(job);
    queue_.Put(std::move(job));
  }
  void EndJob() {
    if (truth_.jobs.empty()) return;
    const std::string name = Any(truth_.jobs).job;
    std::erase_if(truth_.jobs, [&](const JobDemand& job) { return job.job == name; });
    queue_.Remove(name);
    for (QueueLearner& learner : truth_.learners) {
      if (learner.job != name) continue;
      learner.job.clear();
      learner.place = UpTo(1) == 0 ? Place::kWaiting : Place::kAbsent;
    }
    queue_.SetLearners(truth_.learners);
  }
  // One that runs stops instead.
  void PauseJob() {
    if (truth_.jobs.empty()) return;
    JobDemand& job = Any(truth_.jobs);
    job.is_stopping = job.holds_ranks;
    if (!job.holds_ranks) job.state = cohort::v1::JOB_STATE_PAUSED;
    job.may_start = false;
    queue_.Put(job);
  }
  void ChangeLearner() {
    const int kind = UpTo(3);
    if (kind > 0 && truth_.learners.size() < 8) {
      truth_.learners.push_back({.id = absl::StrCat("learner-", ++num_learners_),
                                 .offer = {.device = UpTo(2) == 0 ? "cuda:0" : "cpu", .memory_bytes = 8 + UpTo(1)}});
    } else if (!truth_.learners.empty()) {
      QueueLearner& learner = Any(truth_.learners);
      if (learner.place != Place::kHeld) learner.place = UpTo(1) == 0 ? Place::kWaiting : Place::kAbsent;
    }
    queue_.SetLearners(truth_.learners);
  }

  void DecideAndCompare() {
    const QueueDecision fresh = DecideQueue(truth_);
    const QueueDecision decision = queue_.Decide();
    ASSERT_EQ(Text(decision), Text(fresh));
    running_ = decision.running;
    for (const QueueStart& start : decision.starts) Start(start);
    for (const QueuePreemption& preemption : decision.preemptions) {
      JobDemand* victim = Find(preemption.victim);
      victim->is_stopping = true;
      queue_.Put(*victim);
      ++num_preempted_;
    }
  }
  void Start(const QueueStart& start) {
    JobDemand* job = Find(start.job);
    job->state = cohort::v1::JOB_STATE_RUNNING;
    job->may_start = false;
    job->holds_ranks = job->world_size > 0;
    queue_.Put(*job);
    for (QueueLearner& learner : truth_.learners) {
      if (std::count(start.learners.begin(), start.learners.end(), learner.id) == 0) continue;
      learner.job = start.job;
      learner.place = Place::kHeld;
    }
    queue_.SetLearners(truth_.learners);
    ++num_started_;
  }

  std::mt19937 random_;
  QueueSnapshot truth_;
  StandingQueue queue_;
  std::vector<std::string> running_;
  int64_t num_jobs_ = 0;
  int num_learners_ = 0;
  int num_spared_ = 0, num_decided_ = 0, num_started_ = 0, num_preempted_ = 0;
};

TEST(StandingQueueTest, DecisionsAreThoseOfAFreshSnapshotOverRandomChanges) {
  int num_spared = 0, num_decided = 0, num_started = 0, num_preempted = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    ClusterOfChanges cluster(seed, /*limit=*/seed % 3 == 0 ? 4 : 0);
    for (int i = 0; i < kNumChanges; ++i) {
      cluster.Change();
      ASSERT_NO_FATAL_FAILURE(cluster.Check()) << "seed " << seed << " change " << i;
    }
    num_spared += cluster.num_spared();
    num_decided += cluster.num_decided();
    num_started += cluster.num_started();
    num_preempted += cluster.num_preempted();
  }
  EXPECT_GT(num_spared, num_decided / 2) << "most submits cost no decision";
  EXPECT_GT(num_started, 500);
  EXPECT_GT(num_preempted, 50);
}

class StandingQueueOfOneKindTest : public ::testing::Test {
 protected:
  // Takes over what the builder has, and decides.
  void Settle() {
    for (const JobDemand& job : builder_.snapshot().jobs) queue_.Put(job);
    queue_.SetLearners(builder_.snapshot().learners);
    (void)queue_.Decide();
  }
  bool AsksAfter(int32_t world_size, int32_t priority = 0) {
    queue_.Put(builder_.Queued("a", world_size, priority));
    return queue_.MustDecide();
  }

  QueueBuilder builder_;
  StandingQueue queue_;
};

TEST_F(StandingQueueOfOneKindTest, SubmitsAskForNoDecisionWhileNoLearnerWaits) {
  builder_.Running("a", 2, /*priority=*/1);
  Settle();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(AsksAfter(1)) << i;
  EXPECT_FALSE(AsksAfter(1, /*priority=*/1)) << "equals do not pre-empt each other";
  EXPECT_TRUE(AsksAfter(1, /*priority=*/2)) << "it pre-empts";
}

TEST_F(StandingQueueOfOneKindTest, JobForALearnerThatWaitsAsksForADecision) {
  builder_.Waiting(2);
  Settle();
  EXPECT_FALSE(AsksAfter(3)) << "more than there are";
  EXPECT_TRUE(AsksAfter(2));
}

TEST_F(StandingQueueOfOneKindTest, JobWithoutRanksAsksForADecision) {
  Settle();
  EXPECT_TRUE(AsksAfter(0));
}

TEST_F(StandingQueueOfOneKindTest, WhateverHappensToAJobThatIsThereAsksForADecision) {
  JobDemand job = builder_.Queued("a", 1);
  Settle();
  EXPECT_FALSE(queue_.MustDecide());
  job.may_start = false;
  queue_.Put(job);
  EXPECT_TRUE(queue_.MustDecide());
  (void)queue_.Decide();
  queue_.Remove("nobody");
  EXPECT_FALSE(queue_.MustDecide());
  queue_.Remove(job.job);
  EXPECT_TRUE(queue_.MustDecide());
  EXPECT_EQ(queue_.Find(job.job), nullptr);
}

}  // namespace
}  // namespace cohort::coordinator
