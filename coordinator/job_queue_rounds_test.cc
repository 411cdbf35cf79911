// SPDX-License-Identifier: Apache-2.0
// The queue over many rounds on a small cluster: jobs come, run for a while and end; nobody waits for ever.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "coordinator/job_queue.h"
#include "coordinator/testing/queue_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

constexpr int kNumRanks = 6;
constexpr int kLongestRun = 5;  // rounds

// A cluster of ranks that are all alike. A victim stops within one round and goes on where it was.
class Cluster final {
 public:
  Cluster() {
    queue_.Waiting(kNumRanks);
    learners_ = queue_.snapshot().learners;
    queue_.snapshot().learners.clear();
  }
  void Submit(const std::string& name_space, int32_t world_size, int32_t priority, int num_rounds) {
    const JobDemand& job = queue_.Queued(name_space, world_size, priority);
    rounds_left_[job.job] = num_rounds;
    submitted_[job.job] = round_;
  }
  void Round() {
    ++round_;
    QueueSnapshot& snapshot = queue_.snapshot();
    for (JobDemand& job : snapshot.jobs) EndOrStop(&job);
    QueueSnapshot now = snapshot;
    now.learners = learners_;
    now.jobs.erase(std::remove_if(now.jobs.begin(), now.jobs.end(),
                                  [](const JobDemand& job) { return job.state == cohort::v1::JOB_STATE_SUCCEEDED; }),
                   now.jobs.end());
    const QueueDecision decision = DecideQueue(now);
    for (const QueuePreemption& preemption : decision.preemptions) {
      Find(preemption.victim)->is_stopping = true;
      ++num_preemptions_;
    }
    for (const QueueStart& start : decision.starts) Start(start);
  }
  int64_t num_waiting() {
    return std::count_if(queue_.snapshot().jobs.begin(), queue_.snapshot().jobs.end(),
                         [](const JobDemand& job) { return job.may_start; });
  }
  QueueSnapshot& snapshot() { return queue_.snapshot(); }
  int longest_wait() const { return longest_wait_; }
  int num_preemptions() const { return num_preemptions_; }
  bool HasStarted(const std::string& job) const { return has_started_.count(job) > 0; }

 private:
  JobDemand* Find(const std::string& name) {
    return &*std::find_if(queue_.snapshot().jobs.begin(), queue_.snapshot().jobs.end(),
                          [&](const JobDemand& job) { return job.job == name; });
  }
  void EndOrStop(JobDemand* job) {
    if (job->state != cohort::v1::JOB_STATE_RUNNING) return;
    queue_.snapshot().device_seconds[job->name_space] += job->world_size;
    const bool is_done = --rounds_left_[job->job] <= 0;
    if (!is_done && !job->is_stopping) return;
    job->state = is_done ? cohort::v1::JOB_STATE_SUCCEEDED : cohort::v1::JOB_STATE_PREEMPTED;
    job->may_start = !is_done;
    job->holds_ranks = false;
    job->is_stopping = false;
    for (QueueLearner& learner : learners_) {
      if (learner.job != job->job) continue;
      learner.job.clear();
      learner.place = QueueLearner::Place::kWaiting;
    }
  }
  void Start(const QueueStart& start) {
    JobDemand* job = Find(start.job);
    job->state = cohort::v1::JOB_STATE_RUNNING;
    job->may_start = false;
    job->holds_ranks = true;
    for (QueueLearner& learner : learners_) {
      if (std::count(start.learners.begin(), start.learners.end(), learner.id) == 0) continue;
      learner.job = start.job;
      learner.place = QueueLearner::Place::kHeld;
    }
    if (has_started_.insert(start.job).second) {
      longest_wait_ = std::max(longest_wait_, round_ - submitted_[start.job]);
    }
  }

  QueueBuilder queue_;
  std::vector<QueueLearner> learners_;
  std::map<std::string, int> rounds_left_, submitted_;
  std::set<std::string> has_started_;
  int round_ = 0;
  int longest_wait_ = 0;
  int num_preemptions_ = 0;
};

TEST(JobQueueRoundsTest, LargeJobIsNotStarvedByAStreamOfSmallOnes) {
  Cluster cluster;
  std::mt19937 random(1);
  for (int round = 0; round < 10; ++round) {
    for (const char* name_space : {"a", "b"}) cluster.Submit(name_space, 1, 0, 1 + static_cast<int>(random() % 5));
    cluster.Round();
  }
  cluster.Submit("big", kNumRanks, 0, 1);
  const std::string big = cluster.snapshot().jobs.back().job;
  int num_rounds = 0;
  for (; !cluster.HasStarted(big) && num_rounds < 100; ++num_rounds) {
    for (const char* name_space : {"a", "b"}) cluster.Submit(name_space, 1, 0, 1 + static_cast<int>(random() % 5));
    cluster.Round();
  }
  EXPECT_LE(num_rounds, kLongestRun + 1) << "its namespace holds nothing: it is next, and keeps what comes free";
}

TEST(JobQueueRoundsTest, EveryJobOfEqualPriorityStartsInItsTurn) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Cluster cluster;
    std::mt19937 random(seed);
    for (int round = 0; round < 200; ++round) {
      if (random() % 2 == 0) {
        const std::string name_space(1, static_cast<char>('a' + random() % 3));
        cluster.Submit(name_space, 1 + static_cast<int>(random() % 3), 0, 1 + static_cast<int>(random() % kLongestRun));
      }
      cluster.Round();
    }
    for (int round = 0; round < 400 && cluster.num_waiting() > 0; ++round) cluster.Round();
    EXPECT_EQ(cluster.num_waiting(), 0) << "seed " << seed;
    EXPECT_EQ(cluster.num_preemptions(), 0) << "seed " << seed << ": equals do not pre-empt each other";
    EXPECT_LE(cluster.longest_wait(), 60) << "seed " << seed << ": the cluster is loaded by less than it can do";
  }
}

TEST(JobQueueRoundsTest, PreemptionComesToRest) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Cluster cluster;
    std::mt19937 random(seed);
    for (int i = 0; i < 30; ++i) {
      const std::string name_space(1, static_cast<char>('a' + random() % 3));
      cluster.Submit(name_space, 1 + static_cast<int>(random() % 6), static_cast<int>(random() % 3),
                     1 + static_cast<int>(random() % kLongestRun));
      if (i % 3 == 0) cluster.Round();
    }
    for (int round = 0; round < 400 && cluster.num_waiting() > 0; ++round) cluster.Round();
    EXPECT_EQ(cluster.num_waiting(), 0) << "seed " << seed;
    EXPECT_LE(cluster.num_preemptions(), 30) << "seed " << seed << ": no two jobs chase each other away";
  }
}

TEST(JobQueueRoundsTest, NamespacesShareTheClusterWhateverTheNumberOfTheirJobs) {
  Cluster cluster;
  for (int i = 0; i < 200; ++i) cluster.Submit("many", 1, 0, 1);
  for (int i = 0; i < 60; ++i) cluster.Submit("few", 1, 0, 1);
  for (int round = 0; round < 20; ++round) cluster.Round();
  int num_few = 0;
  for (const JobDemand& job : cluster.snapshot().jobs) {
    num_few += job.name_space == "few" && cluster.HasStarted(job.job) ? 1 : 0;
  }
  EXPECT_EQ(num_few, 60) << "half of 20 rounds of " << kNumRanks;
}

}  // namespace
}  // namespace cohort::coordinator
