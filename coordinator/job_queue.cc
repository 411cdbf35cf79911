// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_queue.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {
namespace {

using Outlook = RankChance::Outlook;

constexpr char kReading[] = "its files are being read";

// One pass over all jobs in the order in which they are served.
class Round final {
 public:
  explicit Round(const QueueSnapshot& snapshot)
      : snapshot_(snapshot), ranks_(snapshot.jobs, snapshot.learners, snapshot.max_ranks_per_namespace) {}

  QueueDecision Run() {
    std::map<int32_t, std::vector<const JobDemand*>, std::greater<>> by_priority;
    for (const JobDemand& job : snapshot_.jobs) by_priority[job.priority].push_back(&job);
    for (auto& [priority, jobs] : by_priority) ServePriority(std::move(jobs));
    return std::move(decision_);
  }

 private:
  void ServePriority(std::vector<const JobDemand*> jobs) {
    std::sort(jobs.begin(), jobs.end(),
              [](const JobDemand* a, const JobDemand* b) { return a->sequence < b->sequence; });
    std::map<std::string, std::deque<const JobDemand*>> lines;  // by namespace, oldest first
    for (const JobDemand* job : jobs) lines[job->name_space].push_back(job);
    while (!lines.empty()) {
      const auto next = std::min_element(lines.begin(), lines.end(), [this](const auto& a, const auto& b) {
        return Standing(*a.second.front()) < Standing(*b.second.front());
      });
      Serve(*next->second.front());
      next->second.pop_front();
      if (next->second.empty()) lines.erase(next);
    }
  }

  // Of a namespace whose oldest job this is; lower goes first.
  std::tuple<int64_t, double, int64_t> Standing(const JobDemand& oldest) const {
    const auto used = snapshot_.device_seconds.find(oldest.name_space);
    return {ranks_.NumHeldOrKept(oldest.name_space), used == snapshot_.device_seconds.end() ? 0 : used->second,
            oldest.sequence};
  }

  void Serve(const JobDemand& job) {
    if (job.state == cohort::v1::JOB_STATE_RUNNING) decision_.running.push_back(job.job);
    const bool is_queued = job.state == cohort::v1::JOB_STATE_QUEUED || job.state == cohort::v1::JOB_STATE_PREEMPTED;
    if (!is_queued) return;
    if (!job.may_start) return Wait(job, "");
    if (const int64_t num_workers = NumWorkersFor(job); num_workers < job.min_workers) {
      return Wait(job, absl::StrCat(num_workers, " of ", job.min_workers, " matching rollout workers"));
    }
    if (job.world_size == 0) return Start(job, {});
    const bool is_doubtful = snapshot_.doubtful.count(job.job) > 0;
    const RankChance chance = ranks_.BestChance(job, /*may_preempt=*/!is_doubtful);
    if (job.is_reading && is_doubtful) return Wait(job, kReading);
    if (chance.outlook == Outlook::kNow) return Start(job, ranks_.Take(job, chance));
    Wait(job, WhyNot(job, chance));
    if (is_doubtful) return;
    ranks_.Keep(job, chance);
    for (const JobDemand* victim : chance.victims) {
      decision_.preemptions.push_back({.victim = victim->job, .by = job.job});
    }
  }

  int64_t NumWorkersFor(const JobDemand& job) const {
    if (job.min_workers == 0) return 0;
    return std::count_if(snapshot_.workers.begin(), snapshot_.workers.end(), [&job](const DeviceOffer& worker) {
      return Meets(job.worker, worker.device, worker.memory_bytes);
    });
  }

  void Start(const JobDemand& job, std::vector<std::string> learners) {
    // The ranks are its own already: jobs behind it do not get them.
    if (job.is_reading) return Wait(job, kReading);
    decision_.running.push_back(job.job);
    decision_.starts.push_back({.job = job.job, .learners = std::move(learners)});
  }

  void Wait(const JobDemand& job, std::string reason) {
    decision_.queue.push_back({.job = job.job, .reason = std::move(reason)});
  }

  std::string WhyNot(const JobDemand& job, const RankChance& chance) const {
    const bool has_ranks = static_cast<int32_t>(chance.waiting.size()) >= job.world_size;
    const bool is_never = chance.outlook == Outlook::kNever;
    if (is_never && chance.num_registered < job.world_size) {
      return absl::StrCat(chance.num_registered, " of ", job.world_size, " matching ranks are registered");
    }
    if (is_never || has_ranks || chance.outlook == Outlook::kLimited) {
      return absl::StrCat("namespace ", job.name_space, " holds ", ranks_.NumHeld(job.name_space), " of ",
                          snapshot_.max_ranks_per_namespace, " ranks");
    }
    const int64_t num_kept = ranks_.NumKeptFromJob(job);
    return absl::StrCat(chance.waiting.size(), " of ", job.world_size, " matching ranks",
                        num_kept > 0 ? absl::StrCat(", ", num_kept, " kept for jobs before it") : "",
                        chance.outlook == Outlook::kLater ? "" : ", more are on their way");
  }

  const QueueSnapshot& snapshot_;
  QueueRanks ranks_;
  QueueDecision decision_;
};

}  // namespace

QueueDecision DecideQueue(const QueueSnapshot& snapshot) { return Round(snapshot).Run(); }

}  // namespace cohort::coordinator
