// SPDX-License-Identifier: Apache-2.0
#include "coordinator/queue_ranks.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

namespace cohort::coordinator {
namespace {

using Outlook = RankChance::Outlook;

bool IsMatch(const JobDemand& job, const RankInRound& rank) {
  return Meets(job.rank, rank.learner->offer.device, rank.learner->offer.memory_bytes);
}

bool IsHeldBy(const RankInRound& rank, const JobDemand& job) {
  return rank.learner->place == QueueLearner::Place::kHeld && rank.learner->job == job.job;
}

}  // namespace

QueueRanks::QueueRanks(const std::vector<JobDemand>& jobs, const std::vector<QueueLearner>& learners,
                       int64_t max_ranks_per_namespace)
    : jobs_(jobs), max_ranks_per_namespace_(max_ranks_per_namespace) {
  std::set<std::string_view> going_on;
  for (const JobDemand& job : jobs) {
    if (!job.holds_ranks) continue;
    held_[job.name_space] += job.world_size;
    if (job.is_stopping) stopping_[job.name_space] += job.world_size;
    if (!job.is_stopping) going_on.insert(job.job);
  }
  for (const QueueLearner& learner : learners) {
    // A gang whose job is gone dissolves in a moment.
    const bool leaves = learner.place == QueueLearner::Place::kHeld && going_on.count(learner.job) == 0;
    ranks_.push_back({.learner = &learner, .is_coming = leaves || learner.place == QueueLearner::Place::kAbsent});
  }
  // Smaller devices first: the larger ones are left for those who need them.
  std::sort(ranks_.begin(), ranks_.end(), [](const RankInRound& a, const RankInRound& b) {
    return std::tie(a.learner->offer.memory_bytes, a.learner->id) <
           std::tie(b.learner->offer.memory_bytes, b.learner->id);
  });
}

RankChance QueueRanks::BestChance(const JobDemand& job, bool may_preempt) {
  std::set<std::string_view, std::greater<>> kinds;
  for (const RankInRound& rank : ranks_) {
    if (IsMatch(job, rank)) kinds.insert(DeviceKind(rank.learner->offer.device));
  }
  RankChance best;
  for (const std::string_view kind : kinds) {
    RankChance chance = ChanceOf(job, kind, may_preempt);
    const auto standing = [](const RankChance& of) {
      return std::make_tuple(of.outlook, of.victims.size(), -of.num_registered);
    };
    const bool is_better = best.num_registered == 0 || standing(chance) < standing(best);
    if (is_better) best = std::move(chance);
  }
  return best;
}

std::vector<std::string> QueueRanks::Take(const JobDemand& job, const RankChance& chance) {
  std::vector<std::string> ids;
  for (int32_t i = 0; i < job.world_size; ++i) {
    chance.waiting[i]->is_taken = true;
    ids.push_back(chance.waiting[i]->learner->id);
  }
  held_[job.name_space] += job.world_size;
  return ids;
}

void QueueRanks::Keep(const JobDemand& job, const RankChance& chance) {
  if (chance.outlook == Outlook::kNever) return;
  kept_[job.name_space] += job.world_size;
  if (chance.outlook == Outlook::kLimited) return;
  std::vector<RankInRound*> useful = chance.waiting;
  useful.insert(useful.end(), chance.coming.begin(), chance.coming.end());
  for (const JobDemand* victim : chance.victims) {
    StopNow(*victim);
    for (RankInRound& rank : ranks_) {
      if (IsHeldBy(rank, *victim) && IsMatch(job, rank)) useful.push_back(&rank);
    }
  }
  const size_t num_useful = std::min(useful.size(), static_cast<size_t>(job.world_size));
  for (size_t i = 0; i < num_useful; ++i) useful[i]->is_kept = true;
}

int64_t QueueRanks::NumKeptFromJob(const JobDemand& job) const {
  return std::count_if(ranks_.begin(), ranks_.end(), [&job](const RankInRound& rank) {
    return rank.is_kept && rank.learner->place == QueueLearner::Place::kWaiting && IsMatch(job, rank);
  });
}

RankChance QueueRanks::ChanceOf(const JobDemand& job, std::string_view kind, bool may_preempt) {
  RankChance chance;
  std::map<std::string, int64_t> held_by;
  for (RankInRound& rank : ranks_) {
    if (!IsMatch(job, rank) || DeviceKind(rank.learner->offer.device) != kind) continue;
    ++chance.num_registered;
    if (rank.is_taken || rank.is_kept) continue;
    if (rank.is_coming) {
      chance.coming.push_back(&rank);
    } else if (rank.learner->place == QueueLearner::Place::kWaiting) {
      chance.waiting.push_back(&rank);
    } else {
      ++held_by[rank.learner->job];
    }
  }
  const int64_t num_waiting = static_cast<int64_t>(chance.waiting.size());
  const int64_t num_soon = num_waiting + static_cast<int64_t>(chance.coming.size());
  const int64_t num_freed = Count(stopping_, job.name_space);
  const bool is_over_limit = max_ranks_per_namespace_ > 0 && job.world_size > max_ranks_per_namespace_;
  if (num_waiting >= job.world_size && HasRoom(job, /*freed=*/0)) {
    chance.outlook = Outlook::kNow;
  } else if (num_soon >= job.world_size && HasRoom(job, num_freed)) {
    chance.outlook = Outlook::kSoon;
  } else if (is_over_limit || chance.num_registered < job.world_size) {
    chance.outlook = Outlook::kNever;
  } else {
    chance.outlook = HasRoom(job, num_freed) ? Outlook::kLater : Outlook::kLimited;
    if (may_preempt) chance.victims = ChooseVictims(job, num_soon, held_by);
    if (!chance.victims.empty()) chance.outlook = Outlook::kAfterPreemption;
  }
  return chance;
}

std::vector<const JobDemand*> QueueRanks::ChooseVictims(const JobDemand& job, int64_t num_soon,
                                                        const std::map<std::string, int64_t>& held_by) const {
  std::vector<const JobDemand*> candidates;
  for (const JobDemand& other : jobs_) {
    const bool can_help =
        Count(held_by, other.job) > 0 || (max_ranks_per_namespace_ > 0 && other.name_space == job.name_space);
    const bool can_stop = other.state == cohort::v1::JOB_STATE_RUNNING && other.holds_ranks && !other.is_stopping &&
                          stopping_now_.count(other.job) == 0;
    if (can_help && can_stop && other.priority < job.priority) candidates.push_back(&other);
  }
  std::sort(candidates.begin(), candidates.end(), [](const JobDemand* a, const JobDemand* b) {
    return std::tie(a->priority, b->sequence) < std::tie(b->priority, a->sequence);
  });
  const auto suffice = [&](const std::vector<const JobDemand*>& victims) {
    int64_t num_ranks = num_soon;
    int64_t num_freed = Count(stopping_, job.name_space);
    for (const JobDemand* victim : victims) {
      num_ranks += Count(held_by, victim->job);
      if (victim->name_space == job.name_space) num_freed += victim->world_size;
    }
    return num_ranks >= job.world_size && HasRoom(job, num_freed);
  };
  std::vector<const JobDemand*> victims;
  for (size_t i = 0; i < candidates.size() && !suffice(victims); ++i) victims.push_back(candidates[i]);
  if (!suffice(victims)) return {};
  for (size_t i = victims.size(); i-- > 0;) {
    std::vector<const JobDemand*> fewer = victims;
    fewer.erase(fewer.begin() + static_cast<int64_t>(i));
    if (suffice(fewer)) victims = std::move(fewer);
  }
  return victims;
}

bool QueueRanks::HasRoom(const JobDemand& job, int64_t freed) const {
  if (max_ranks_per_namespace_ == 0) return true;
  return NumHeldOrKept(job.name_space) - freed + job.world_size <= max_ranks_per_namespace_;
}

void QueueRanks::StopNow(const JobDemand& victim) {
  stopping_now_.insert(victim.job);
  stopping_[victim.name_space] += victim.world_size;
  for (RankInRound& rank : ranks_) {
    if (IsHeldBy(rank, victim)) rank.is_coming = true;
  }
}

int64_t QueueRanks::Count(const std::map<std::string, int64_t>& counts, const std::string& key) {
  const auto it = counts.find(key);
  return it == counts.end() ? 0 : it->second;
}

}  // namespace cohort::coordinator
