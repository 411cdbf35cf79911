// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_QUEUE_RANKS_H_
#define COHORT_COORDINATOR_QUEUE_RANKS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/device_match.h"
#include "coordinator/job_demand.h"

namespace cohort::coordinator {

// A learner as the queue sees it.
struct QueueLearner {
  enum class Place {
    kWaiting,  // can be given a place now
    kAbsent,   // between two calls: will wait again in a moment
    kHeld,     // in the gang of `job`
  };
  std::string id;
  DeviceOffer offer;
  Place place = Place::kWaiting;
  std::string job;
};

// A learner in one round of the queue.
struct RankInRound {
  const QueueLearner* learner = nullptr;
  bool is_coming = false;  // will wait soon: it is between two calls, or its gang stops
  bool is_taken = false;   // by a job that starts in this round
  bool is_kept = false;    // for a job that waits
};

// What the ranks of one kind of device can do for a job.
struct RankChance {
  enum class Outlook {
    kNow,
    kSoon,             // with those that are coming
    kAfterPreemption,  // and those of `victims`
    kLater,            // when running jobs end
    kLimited,          // when running jobs of its namespace end
    kNever,            // too few are registered, or its namespace may not hold so many
  };
  Outlook outlook = Outlook::kNever;
  std::vector<RankInRound*> waiting;  // smallest memory first
  std::vector<RankInRound*> coming;
  int64_t num_registered = 0;
  std::vector<const JobDemand*> victims;
};

// The ranks in one round of the queue: who has them, who may have them, for whom they are kept. Not thread-safe; the
// jobs and learners must outlive it.
class QueueRanks final {
 public:
  QueueRanks(const std::vector<JobDemand>& jobs, const std::vector<QueueLearner>& learners,
             int64_t max_ranks_per_namespace);

  // The best that one kind of device has for the job: the soonest, with the fewest victims; of equal kinds the last by
  // name, so cuda before cpu. `may_preempt`: victims are looked for.
  RankChance BestChance(const JobDemand& job, bool may_preempt);
  // Gives the job, which can start now, its ranks; returns their ids.
  std::vector<std::string> Take(const JobDemand& job, const RankChance& chance);
  // Keeps from jobs behind it what must be there for the job when the rest comes, unless that would not help. Its
  // victims stop.
  void Keep(const JobDemand& job, const RankChance& chance);

  // Ranks of the namespace's running jobs.
  int64_t NumHeld(const std::string& name_space) const { return Count(held_, name_space); }
  // And those that are kept for its waiting jobs: its share.
  int64_t NumHeldOrKept(const std::string& name_space) const { return NumHeld(name_space) + Count(kept_, name_space); }
  // Waiting ranks that match the job and are kept for others.
  int64_t NumKeptFromJob(const JobDemand& job) const;

 private:
  RankChance ChanceOf(const JobDemand& job, std::string_view kind, bool may_preempt);
  // The lowest and youngest running jobs that suffice, without those that turn out not to be needed. `held_by`:
  // matching ranks by running job; `num_soon`: those that need no victim.
  std::vector<const JobDemand*> ChooseVictims(const JobDemand& job, int64_t num_soon,
                                              const std::map<std::string, int64_t>& held_by) const;
  bool HasRoom(const JobDemand& job, int64_t freed) const;
  void StopNow(const JobDemand& victim);
  static int64_t Count(const std::map<std::string, int64_t>& counts, const std::string& key);

  const std::vector<JobDemand>& jobs_;
  const int64_t max_ranks_per_namespace_;
  std::vector<RankInRound> ranks_;
  // Ranks by namespace: of running jobs, of those of them that stop, and kept for waiting jobs.
  std::map<std::string, int64_t> held_, stopping_, kept_;
  std::set<std::string> stopping_now_;  // victims of this round
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_QUEUE_RANKS_H_
