// SPDX-License-Identifier: Apache-2.0
#include "coordinator/in_memory_job_store.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

struct JobRows {
  JobRecord record;
  std::map<int64_t, GroupRecord> groups;
  std::map<int64_t, cohort::v1::StepPlan> plans;
  std::map<int64_t, VersionRecord> versions;
  std::map<int64_t, cohort::v1::JobEvent> events;
};

bool IsSelected(const GroupRecord& group, const GroupFilter& filter) {
  const bool is_in_steps =
      group.step >= filter.first_step.value_or(group.step) && group.step <= filter.last_step.value_or(group.step);
  return is_in_steps && (filter.purpose == 0 || group.purpose == filter.purpose) &&
         group.problem_id == filter.problem_id.value_or(group.problem_id) &&
         (!filter.only_with_payload || group.location.length_bytes > 0) &&
         (!filter.only_closed || group.state >= GroupState::kTrained);
}

class InMemoryJobStore final : public JobStore {
 public:
  absl::StatusOr<int64_t> BeginEpoch() override {
    absl::MutexLock lock(&mutex_);
    return ++epoch_;
  }

  absl::StatusOr<JobRecord> CreateJob(JobRecord record, const cohort::v1::JobEvent& first_event) override {
    absl::MutexLock lock(&mutex_);
    if (jobs_.count(record.job.name()) > 0) return absl::AlreadyExistsError(record.job.name());
    if (FindRequest(NamespaceOf(record.job.name()), record.request_id) != nullptr) {
      return absl::AlreadyExistsError(record.request_id);
    }
    record.sequence = ++sequence_;
    JobRows& rows = jobs_[record.job.name()];
    rows.record = record;
    rows.events[first_event.sequence()] = first_event;
    return record;
  }

  absl::StatusOr<JobRecord> GetJob(std::string_view name) override {
    absl::MutexLock lock(&mutex_);
    const JobRows* rows = Find(name);
    if (rows == nullptr) return NoJob(name);
    return rows->record;
  }

  absl::StatusOr<JobRecord> FindJobByRequestId(std::string_view name_space, std::string_view request_id) override {
    absl::MutexLock lock(&mutex_);
    const JobRows* rows = FindRequest(name_space, request_id);
    if (rows == nullptr) return absl::NotFoundError("no job with this request_id");
    return rows->record;
  }

  absl::StatusOr<std::vector<JobRecord>> ListJobs(const JobFilter& filter) override {
    absl::MutexLock lock(&mutex_);
    std::map<int64_t, JobRecord> in_order;  // by sequence, or by what makes the newest the first
    for (const auto& [name, rows] : jobs_) {
      const bool selected = name.rfind(filter.name_prefix, 0) == 0 &&
                            (filter.state == 0 || rows.record.job.state() == filter.state) &&
                            (filter.below_sequence == 0 || rows.record.sequence < filter.below_sequence) &&
                            rows.record.sequence > filter.above_sequence;
      if (!selected) continue;
      in_order[filter.is_oldest_first ? rows.record.sequence : -rows.record.sequence] = rows.record;
    }
    std::vector<JobRecord> page;
    for (const auto& [place, record] : in_order) {
      if (static_cast<int>(page.size()) < filter.limit) page.push_back(record);
    }
    return page;
  }

  absl::Status DeleteJob(std::string_view name) override {
    absl::MutexLock lock(&mutex_);
    return jobs_.erase(std::string(name)) > 0 ? absl::OkStatus() : NoJob(name);
  }

  absl::Status Apply(std::string_view job, const JobChange& change) override {
    absl::MutexLock lock(&mutex_);
    JobRows* rows = Find(job);
    if (rows == nullptr) return NoJob(job);
    for (const auto& event : change.events) {
      if (rows->events.count(event.sequence()) > 0) return absl::AlreadyExistsError("event sequence taken");
    }
    for (const auto& event : change.events) rows->events[event.sequence()] = event;
    if (change.job.has_value()) {
      rows->record.job = change.job->job;
      rows->record.incarnation = change.job->incarnation;
    }
    for (const GroupRecord& group : change.groups) {
      GroupRecord& row = rows->groups[group.group_id] = group;
      row.admitted.reset();
    }
    if (change.plan.has_value()) rows->plans[change.plan->version()] = *change.plan;
    if (change.version.has_value()) rows->versions[change.version->version] = *change.version;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    std::vector<GroupRecord> groups;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return groups;
    for (const auto& [id, group] : rows->groups) {
      if (group.state < GroupState::kTrained) groups.push_back(group);
    }
    return groups;
  }

  absl::StatusOr<int64_t> CountTrainingGroups(std::string_view job, int64_t step) override {
    absl::MutexLock lock(&mutex_);
    int64_t count = 0;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return count;
    for (const auto& [id, group] : rows->groups) {
      if (group.purpose == cohort::v1::GROUP_PURPOSE_TRAIN && group.step == step) ++count;
    }
    return count;
  }

  absl::StatusOr<int64_t> LargestTrainingGroup(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    int64_t largest = -1;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return largest;
    for (const auto& [id, group] : rows->groups) {
      if (group.purpose == cohort::v1::GROUP_PURPOSE_TRAIN) largest = std::max(largest, id);
    }
    return largest;
  }

  absl::StatusOr<std::vector<GroupRecord>> GetGroups(std::string_view job,
                                                     const std::vector<int64_t>& group_ids) override {
    absl::MutexLock lock(&mutex_);
    std::vector<GroupRecord> groups;
    for (const int64_t id : group_ids) {
      const JobRows* rows = Find(job);
      if (rows == nullptr || rows->groups.count(id) == 0) return absl::NotFoundError(absl::StrCat("group ", id));
      groups.push_back(rows->groups.at(id));
    }
    return groups;
  }

  absl::StatusOr<std::vector<GroupRecord>> ListGroups(std::string_view job, const GroupFilter& filter) override {
    absl::MutexLock lock(&mutex_);
    std::vector<GroupRecord> groups;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return groups;
    for (auto it = rows->groups.upper_bound(filter.after_id); it != rows->groups.end(); ++it) {
      if (static_cast<int>(groups.size()) < filter.limit && IsSelected(it->second, filter))
        groups.push_back(it->second);
    }
    return groups;
  }

  absl::StatusOr<int64_t> PayloadBytes(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    int64_t num_bytes = 0;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return num_bytes;
    for (const auto& [id, group] : rows->groups) num_bytes += group.location.length_bytes;
    return num_bytes;
  }

  absl::StatusOr<std::vector<int64_t>> SegmentsInUse() override {
    absl::MutexLock lock(&mutex_);
    std::set<int64_t> segments;
    for (const auto& [name, rows] : jobs_) {
      for (const auto& [id, group] : rows.groups) {
        if (group.location.length_bytes > 0) segments.insert(group.location.segment);
      }
    }
    return std::vector<int64_t>(segments.begin(), segments.end());
  }

  absl::StatusOr<cohort::v1::StepPlan> GetPlan(std::string_view job, int64_t version) override {
    absl::MutexLock lock(&mutex_);
    const JobRows* rows = Find(job);
    if (rows == nullptr || rows->plans.count(version) == 0) return absl::NotFoundError("plan not found");
    return rows->plans.at(version);
  }

  absl::StatusOr<std::vector<VersionRecord>> ListVersions(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    std::vector<VersionRecord> versions;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return versions;
    for (const auto& [number, version] : rows->versions) versions.push_back(version);
    return versions;
  }

  absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListEvents(std::string_view job, int64_t after,
                                                               int limit) override {
    absl::MutexLock lock(&mutex_);
    std::vector<cohort::v1::JobEvent> events;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return events;
    for (auto it = rows->events.upper_bound(after); it != rows->events.end(); ++it) {
      if (static_cast<int>(events.size()) < limit) events.push_back(it->second);
    }
    return events;
  }

  absl::StatusOr<int64_t> NewestEventSequence(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    const JobRows* rows = Find(job);
    return rows == nullptr || rows->events.empty() ? 0 : rows->events.rbegin()->first;
  }

  absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListStepEvents(std::string_view job, int64_t after_version,
                                                                   int limit) override {
    absl::MutexLock lock(&mutex_);
    std::vector<cohort::v1::JobEvent> events;
    const JobRows* rows = Find(job);
    if (rows == nullptr) return events;
    std::map<int64_t, const cohort::v1::JobEvent*> by_version;
    for (const auto& [sequence, event] : rows->events) {
      if (event.has_step()) by_version[event.step().policy_version()] = &event;
    }
    for (auto it = by_version.upper_bound(after_version); it != by_version.end(); ++it) {
      if (static_cast<int>(events.size()) < limit) events.push_back(*it->second);
    }
    return events;
  }

  absl::StatusOr<rollout_log::RecordLocation> EndOfLog() override {
    absl::MutexLock lock(&mutex_);
    rollout_log::RecordLocation end;
    for (const auto& [name, rows] : jobs_) {
      for (const auto& [id, group] : rows.groups) {
        const auto& location = group.location;
        const bool later = std::tie(location.segment, location.offset_bytes) > std::tie(end.segment, end.offset_bytes);
        if (location.length_bytes > 0 && later) end = location;
      }
    }
    return end;
  }

 private:
  static absl::Status NoJob(std::string_view name) {
    return absl::NotFoundError(absl::StrCat("job not found (", std::string(name), ")"));
  }

  JobRows* Find(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto it = jobs_.find(std::string(name));
    return it == jobs_.end() ? nullptr : &it->second;
  }

  const JobRows* FindRequest(std::string_view name_space, std::string_view request_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (request_id.empty()) return nullptr;
    for (const auto& [name, rows] : jobs_) {
      if (rows.record.request_id == request_id && NamespaceOf(name) == name_space) return &rows;
    }
    return nullptr;
  }

  absl::Mutex mutex_;
  int64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, JobRows> jobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<JobStore> MakeInMemoryJobStore() { return std::make_unique<InMemoryJobStore>(); }

}  // namespace cohort::coordinator
