// SPDX-License-Identifier: Apache-2.0
// What must hold of every decision of the queue, over random snapshots with a fixed seed.
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

constexpr int kNumSnapshots = 5000;

class Random final {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  // From 0 to `most`. Not std::uniform_int_distribution, which differs between libraries.
  int UpTo(int most) { return static_cast<int>(engine_() % static_cast<uint32_t>(most + 1)); }
  bool OneIn(int n) { return UpTo(n - 1) == 0; }

 private:
  std::mt19937 engine_;
};

DeviceOffer RandomOffer(Random* random) {
  return {.device = random->OneIn(3) ? "cuda:0" : "cpu", .memory_bytes = 8 + 8 * random->UpTo(2)};
}

cohort::v1::DeviceRequirement RandomRequirement(Random* random) {
  cohort::v1::DeviceRequirement requirement;
  if (random->OneIn(2)) requirement.set_device(random->OneIn(3) ? "cuda" : "cpu");
  if (random->OneIn(3)) requirement.set_min_memory_bytes(8 + 8 * random->UpTo(2));
  return requirement;
}

// `max_queued` jobs wait at most.
QueueSnapshot RandomSnapshot(int max_queued, Random* random) {
  QueueBuilder queue;
  const auto name_space = [random] { return std::string(1, static_cast<char>('a' + random->UpTo(3))); };
  for (int i = random->UpTo(5); i > 0; --i) {
    const DeviceOffer offer = RandomOffer(random);
    JobDemand& job = queue.Running(name_space(), random->UpTo(3), random->UpTo(3), offer);
    job.is_stopping = job.holds_ranks && random->OneIn(4);
  }
  for (int i = max_queued == 1 ? 1 : random->UpTo(max_queued); i > 0; --i) {
    JobDemand& job = queue.Queued(name_space(), random->UpTo(4), random->UpTo(3));
    if (random->OneIn(3)) job.state = cohort::v1::JOB_STATE_PREEMPTED;
    if (random->OneIn(4)) job.min_workers = random->UpTo(3);
    job.rank = RandomRequirement(random);
    job.worker = RandomRequirement(random);
    job.may_start = !random->OneIn(8);
  }
  for (int i = random->UpTo(5); i > 0; --i) {
    const bool is_absent = random->OneIn(6);
    queue.Add(is_absent ? QueueLearner::Place::kAbsent : QueueLearner::Place::kWaiting, RandomOffer(random));
  }
  for (int i = random->UpTo(3); i > 0; --i) queue.Workers(1, RandomOffer(random));
  // Jobs get their numbers in order of age; the order in the snapshot must not matter.
  QueueSnapshot snapshot = queue.snapshot();
  for (size_t i = snapshot.jobs.size(); i > 1; --i) {
    std::swap(snapshot.jobs[i - 1], snapshot.jobs[random->UpTo(static_cast<int>(i) - 1)]);
  }
  snapshot.max_ranks_per_namespace = random->OneIn(2) ? 0 : 2 + random->UpTo(4);
  for (const char* used : {"a", "b"}) snapshot.device_seconds[used] = random->UpTo(2);
  return snapshot;
}

const JobDemand& JobOf(const QueueSnapshot& snapshot, const std::string& name) {
  return *std::find_if(snapshot.jobs.begin(), snapshot.jobs.end(), [&](const auto& job) { return job.job == name; });
}

const QueueLearner& LearnerOf(const QueueSnapshot& snapshot, const std::string& id) {
  return *std::find_if(snapshot.learners.begin(), snapshot.learners.end(),
                       [&](const auto& learner) { return learner.id == id; });
}

bool IsMatch(const JobDemand& job, const QueueLearner& learner) {
  return Meets(job.rank, learner.offer.device, learner.offer.memory_bytes);
}

bool HasWorkers(const QueueSnapshot& snapshot, const JobDemand& job) {
  const auto is_match = [&](const DeviceOffer& worker) {
    return Meets(job.worker, worker.device, worker.memory_bytes);
  };
  return std::count_if(snapshot.workers.begin(), snapshot.workers.end(), is_match) >= job.min_workers;
}

// Ranks of the running jobs of a namespace, without those of `stopped` and, if asked, of all that stop anyway.
int64_t NumHeld(const QueueSnapshot& snapshot, const std::string& name_space, const std::set<std::string>& stopped,
                bool stopping_count) {
  int64_t count = 0;
  for (const JobDemand& job : snapshot.jobs) {
    const bool is_gone = stopped.count(job.job) > 0 || (job.is_stopping && !stopping_count);
    if (job.holds_ranks && job.name_space == name_space && !is_gone) count += job.world_size;
  }
  return count;
}

TEST(JobQueuePropertyTest, RanksAreGivenOnceInWholeGangsThatMatchAndWithinTheLimits) {
  Random random(1);
  int64_t num_starts = 0;
  for (int i = 0; i < kNumSnapshots; ++i) {
    const QueueSnapshot snapshot = RandomSnapshot(/*max_queued=*/8, &random);
    const QueueDecision decision = DecideQueue(snapshot);
    std::set<std::string> given, started;
    std::map<std::string, int64_t> started_ranks;
    for (const QueueStart& start : decision.starts) {
      const JobDemand& job = JobOf(snapshot, start.job);
      ASSERT_TRUE(job.may_start && started.insert(start.job).second) << "snapshot " << i << " " << start.job;
      ASSERT_EQ(static_cast<int32_t>(start.learners.size()), job.world_size) << "snapshot " << i;
      ASSERT_TRUE(HasWorkers(snapshot, job)) << "snapshot " << i;
      std::set<std::string> kinds;
      for (const std::string& id : start.learners) {
        const QueueLearner& learner = LearnerOf(snapshot, id);
        ASSERT_TRUE(given.insert(id).second) << "snapshot " << i << ": given twice: " << id;
        ASSERT_EQ(learner.place, QueueLearner::Place::kWaiting) << "snapshot " << i;
        ASSERT_TRUE(IsMatch(job, learner)) << "snapshot " << i;
        kinds.insert(std::string(DeviceKind(learner.offer.device)));
      }
      ASSERT_LE(kinds.size(), 1u) << "snapshot " << i << ": mixed gang";
      started_ranks[job.name_space] += job.world_size;
      ++num_starts;
    }
    for (const auto& [name_space, count] : started_ranks) {
      if (snapshot.max_ranks_per_namespace == 0 || count == 0) continue;
      ASSERT_LE(NumHeld(snapshot, name_space, {}, /*stopping_count=*/true) + count, snapshot.max_ranks_per_namespace)
          << "snapshot " << i << " " << name_space;
    }
  }
  EXPECT_GT(num_starts, kNumSnapshots / 2) << "the snapshots are worth something";
}

TEST(JobQueuePropertyTest, EveryQueuedJobStartsOrHasItsPlaceAndTheOrderIsThatOfPriorityAndAge) {
  Random random(2);
  for (int i = 0; i < kNumSnapshots; ++i) {
    const QueueSnapshot snapshot = RandomSnapshot(/*max_queued=*/8, &random);
    const QueueDecision decision = DecideQueue(snapshot);
    std::multiset<std::string> answered, expected;
    for (const QueueStart& start : decision.starts) answered.insert(start.job);
    for (const QueuedJob& waiting : decision.queue) answered.insert(waiting.job);
    for (const JobDemand& job : snapshot.jobs) {
      if (job.state != cohort::v1::JOB_STATE_RUNNING) expected.insert(job.job);
    }
    ASSERT_EQ(answered, expected) << "snapshot " << i;
    for (size_t n = 0; n < decision.queue.size(); ++n) {
      const JobDemand& job = JobOf(snapshot, decision.queue[n].job);
      ASSERT_EQ(decision.queue[n].reason.empty(), !job.may_start) << "snapshot " << i;
      for (size_t m = 0; m < n; ++m) {
        const JobDemand& before = JobOf(snapshot, decision.queue[m].job);
        ASSERT_GE(before.priority, job.priority) << "snapshot " << i;
        const bool is_same_line = before.priority == job.priority && before.name_space == job.name_space;
        ASSERT_TRUE(!is_same_line || before.sequence < job.sequence) << "snapshot " << i;
      }
    }
  }
}

// A job gets no rank that a job of higher priority, which waits for ranks only, could use.
TEST(JobQueuePropertyTest, NoJobOvertakesOneThatItsRanksWouldHelp) {
  Random random(3);
  int64_t num_checked = 0;
  for (int i = 0; i < kNumSnapshots; ++i) {
    QueueSnapshot snapshot = RandomSnapshot(/*max_queued=*/8, &random);
    snapshot.max_ranks_per_namespace = 0;
    const QueueDecision decision = DecideQueue(snapshot);
    for (const QueuedJob& waiting : decision.queue) {
      const JobDemand& job = JobOf(snapshot, waiting.job);
      if (!job.may_start || !HasWorkers(snapshot, job) || job.rank.device().empty()) continue;
      const int64_t num_registered = std::count_if(snapshot.learners.begin(), snapshot.learners.end(),
                                                   [&](const QueueLearner& learner) { return IsMatch(job, learner); });
      if (num_registered < job.world_size) continue;
      for (const QueueStart& start : decision.starts) {
        if (JobOf(snapshot, start.job).priority >= job.priority) continue;
        for (const std::string& id : start.learners) {
          ASSERT_FALSE(IsMatch(job, LearnerOf(snapshot, id)))
              << "snapshot " << i << ": " << start.job << " overtakes " << waiting.job << " with " << id;
          ++num_checked;
        }
      }
    }
  }
  EXPECT_GT(num_checked, 100);
}

// Kinds of devices that have enough for the job once `stopped` and all that stop anyway are gone.
std::set<std::string> KindsThatSuffice(const QueueSnapshot& snapshot, const JobDemand& job,
                                       const std::set<std::string>& stopped) {
  const int64_t held = NumHeld(snapshot, job.name_space, stopped, /*stopping_count=*/false);
  const int64_t limit = snapshot.max_ranks_per_namespace;
  if (limit > 0 && held + job.world_size > limit) return {};
  std::map<std::string, int32_t> by_kind;
  for (const QueueLearner& learner : snapshot.learners) {
    if (!IsMatch(job, learner)) continue;
    const bool is_held = learner.place == QueueLearner::Place::kHeld;
    const bool is_coming = !is_held || stopped.count(learner.job) > 0 || JobOf(snapshot, learner.job).is_stopping;
    if (is_coming) ++by_kind[std::string(DeviceKind(learner.offer.device))];
  }
  std::set<std::string> kinds;
  for (const auto& [kind, count] : by_kind) {
    if (count >= job.world_size) kinds.insert(kind);
  }
  return kinds;
}

TEST(JobQueuePropertyTest, OneJobPreemptsExactlyWhenItMustAndNobodyInVain) {
  Random random(4);
  int64_t num_preempting = 0;
  for (int i = 0; i < kNumSnapshots; ++i) {
    const QueueSnapshot snapshot = RandomSnapshot(/*max_queued=*/1, &random);
    const QueueDecision decision = DecideQueue(snapshot);
    const JobDemand& job = *std::find_if(snapshot.jobs.begin(), snapshot.jobs.end(), [](const JobDemand& candidate) {
      return candidate.state != cohort::v1::JOB_STATE_RUNNING;
    });
    std::set<std::string> victims, lower;
    for (const QueuePreemption& preemption : decision.preemptions) {
      ASSERT_EQ(preemption.by, job.job) << "snapshot " << i;
      ASSERT_TRUE(victims.insert(preemption.victim).second) << "snapshot " << i;
    }
    for (const JobDemand& other : snapshot.jobs) {
      if (other.holds_ranks && !other.is_stopping && other.priority < job.priority) lower.insert(other.job);
    }
    ASSERT_TRUE(std::includes(lower.begin(), lower.end(), victims.begin(), victims.end())) << "snapshot " << i;
    const bool could_go = job.may_start && job.world_size > 0 && HasWorkers(snapshot, job);
    const bool must =
        could_go && KindsThatSuffice(snapshot, job, {}).empty() && !KindsThatSuffice(snapshot, job, lower).empty();
    ASSERT_EQ(!victims.empty(), must) << "snapshot " << i << ": " << victims.size() << " victims";
    if (victims.empty()) continue;
    ++num_preempting;
    // For one kind each of them is needed.
    std::set<std::string> kinds = KindsThatSuffice(snapshot, job, victims);
    for (const std::string& victim : victims) {
      std::set<std::string> fewer = victims;
      fewer.erase(victim);
      for (const std::string& kind : KindsThatSuffice(snapshot, job, fewer)) kinds.erase(kind);
    }
    ASSERT_FALSE(kinds.empty()) << "snapshot " << i << ": in vain, or more than needed";
  }
  EXPECT_GT(num_preempting, 100);
}

TEST(JobQueuePropertyTest, OrderOfTheSnapshotDoesNotMatter) {
  Random random(5);
  for (int i = 0; i < kNumSnapshots / 5; ++i) {
    QueueSnapshot snapshot = RandomSnapshot(/*max_queued=*/8, &random);
    const QueueDecision decision = DecideQueue(snapshot);
    std::reverse(snapshot.jobs.begin(), snapshot.jobs.end());
    std::reverse(snapshot.learners.begin(), snapshot.learners.end());
    const QueueDecision reversed = DecideQueue(snapshot);
    ASSERT_EQ(decision.running, reversed.running) << "snapshot " << i;
    ASSERT_EQ(decision.queue.size(), reversed.queue.size()) << "snapshot " << i;
    for (size_t n = 0; n < decision.queue.size(); ++n) {
      ASSERT_EQ(decision.queue[n].job, reversed.queue[n].job) << "snapshot " << i;
      ASSERT_EQ(decision.queue[n].reason, reversed.queue[n].reason) << "snapshot " << i;
    }
  }
}

}  // namespace
}  // namespace cohort::coordinator
