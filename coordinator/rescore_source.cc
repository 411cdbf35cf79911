// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rescore_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"
#include "coordinator/storage_trouble.h"
#include "coordinator/submitted_group.h"

namespace cohort::coordinator {
namespace {

// All of them are admitted together.
constexpr int64_t kMaxGroups = 200'000;
// Of the texts of a group, which are handed out in one message (common/grpc_limits.h).
constexpr int64_t kMaxTextBytes = 8 << 20;

absl::StatusOr<JobRecord> FindSource(JobStore* store, std::string_view name_space, const std::string& id) {
  auto source = store->GetJob(JobName(name_space, id));
  if (absl::IsNotFound(source.status())) {
    return common::InvalidField("rescore.job", id, "there is no such job in this namespace");
  }
  if (!source.ok()) return StorageTrouble("look the job up", source.status());
  if (!source->job.spec().has_rlvr()) {
    return common::InvalidField("rescore.job", id, "must be an rlvr job: others have no rollouts of train steps");
  }
  return source;
}

absl::StatusOr<int64_t> LastStep(const cohort::v1::Job& source, const cohort::v1::RescoreSpec& spec) {
  const int64_t num_steps = source.policy_version();
  const bool is_open = spec.last_step() == 0;
  if (!is_open && spec.last_step() > num_steps) {
    return common::InvalidField("rescore.last_step", absl::StrCat(spec.last_step()),
                                absl::StrCat("must be at most ", num_steps, ", the steps that the job has committed"));
  }
  const int64_t last_step = is_open ? num_steps : spec.last_step();
  if (spec.first_step() < last_step) return last_step;
  return common::InvalidField("rescore.first_step", absl::StrCat(spec.first_step()),
                              absl::StrCat("must be below ", last_step, ", the steps that the job has committed"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RescoreSource>> RescoreSource::Open(JobStore* store, const rollout_log::RolloutLog* log,
                                                                   std::string_view name_space,
                                                                   const cohort::v1::RescoreSpec& spec) {
  std::unique_ptr<RescoreSource> source(new RescoreSource(store, log));
  COHORT_ASSIGN_OR_RETURN(source->job_, FindSource(store, name_space, spec.job()));
  COHORT_ASSIGN_OR_RETURN(source->last_step_, LastStep(source->job_.job, spec));
  COHORT_RETURN_IF_ERROR(source->ReadGroups(spec.first_step()));
  COHORT_RETURN_IF_ERROR(source->CheckSizes());
  return source;
}

absl::Status RescoreSource::ReadGroups(int64_t first_step) {
  const std::string& name = job_.job.name();
  int64_t num_missing = 0, first_missing = -1, last_missing = -1;
  for (int64_t step = first_step; step < last_step_; ++step) {
    const auto plan = store_->GetPlan(name, step);
    if (!plan.ok()) return ReadTrouble(absl::StrCat("read the plan of step ", step), plan.status());
    std::vector<int64_t> ids;
    for (const auto& planned : plan->groups()) ids.push_back(planned.group_id());
    auto records = store_->GetGroups(name, ids);
    if (!records.ok()) return ReadTrouble(absl::StrCat("read the groups of step ", step), records.status());
    for (GroupRecord& record : *records) {
      if (record.location.length_bytes == 0) {
        if (num_missing++ == 0) first_missing = step;
        last_missing = step;
        continue;
      }
      record.outcome.planned.clear_facts();
      groups_.push_back({.group_id = record.group_id,
                         .problem_id = record.problem_id,
                         .epoch = record.epoch,
                         .step = step,
                         .policy_version = record.policy_version,
                         .location = record.location,
                         .planned = std::move(record.outcome.planned)});
    }
    // Nothing is judged when something is missing: to say so does not take all steps of a long run.
    if (num_missing > kMaxGroups) break;
    if (static_cast<int64_t>(groups_.size()) > kMaxGroups) {
      return common::InvalidField("rescore.last_step", absl::StrCat(last_step_),
                                  absl::StrCat("the steps have more than ", kMaxGroups, " groups: judge fewer"));
    }
  }
  if (num_missing > 0) {
    return absl::FailedPreconditionError(absl::StrCat("rescore.first_step: the rollouts of step ", first_missing,
                                                      " of ", name, " are not kept any more (", num_missing,
                                                      " groups up to step ", last_missing, ")"));
  }
  std::sort(groups_.begin(), groups_.end(), [](const auto& a, const auto& b) { return a.group_id < b.group_id; });
  return absl::OkStatus();
}

absl::Status RescoreSource::CheckSizes() const {
  for (const StoredGroup& group : groups_) {
    // Tokens and log-probs, which are not sent, are most of a record: few have to be read.
    if (group.location.length_bytes <= kMaxTextBytes) continue;
    COHORT_ASSIGN_OR_RETURN(const cohort::v1::RolloutGroup texts, ReadTexts(group));
    const auto num_bytes = static_cast<int64_t>(texts.ByteSizeLong());
    if (num_bytes <= kMaxTextBytes) continue;
    return absl::FailedPreconditionError(absl::StrCat("rescore.job: group ", group.group_id, " of step ", group.step,
                                                      " is larger than a message (", num_bytes, " bytes)"));
  }
  return absl::OkStatus();
}

std::set<int64_t> RescoreSource::Versions() const {
  std::set<int64_t> versions;
  for (const StoredGroup& group : groups_) versions.insert(group.policy_version);
  return versions;
}

std::vector<GroupRecord> RescoreSource::Waiting() const {
  std::vector<GroupRecord> records;
  for (const StoredGroup& group : groups_) {
    GroupRecord& record = records.emplace_back();
    record.group_id = group.group_id;
    record.purpose = cohort::v1::GROUP_PURPOSE_RESCORE;
    record.problem_id = group.problem_id;
    record.epoch = group.epoch;
    record.step = group.step;
    record.policy_version = group.policy_version;
  }
  return records;
}

const StoredGroup* RescoreSource::Find(int64_t group_id) const {
  const auto it = std::lower_bound(groups_.begin(), groups_.end(), group_id,
                                   [](const StoredGroup& group, int64_t id) { return group.group_id < id; });
  return it == groups_.end() || it->group_id != group_id ? nullptr : &*it;
}

absl::Status RescoreSource::AddStored(int64_t group_id, cohort::v1::GroupAssignment* assignment) const {
  const StoredGroup* group = Find(group_id);
  if (group == nullptr) return absl::NotFoundError(absl::StrCat("group not found (", group_id, ")"));
  COHORT_ASSIGN_OR_RETURN(*assignment->mutable_stored(), ReadTexts(*group));
  assignment->set_group_size(assignment->stored().rollouts_size());
  return absl::OkStatus();
}

absl::Status RescoreSource::Check(const cohort::v1::RolloutGroup& group, const GroupRecord& record,
                                  const cohort::v1::RewardSpec& reward) const {
  const StoredGroup* stored = Find(group.group_id());
  if (stored == nullptr) return absl::NotFoundError(absl::StrCat("group not found (", group.group_id(), ")"));
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::RolloutGroup texts, ReadTexts(*stored));
  return CheckRescoredGroup(group, record, texts, reward);
}

absl::StatusOr<cohort::v1::RolloutGroup> RescoreSource::ReadTexts(const StoredGroup& group) const {
  auto stored = log_->Read(group.location);
  if (!stored.ok()) {
    const std::string what = absl::StrCat("group ", group.group_id, " of step ", group.step, " of ", job_.job.name());
    const auto record = store_->GetGroups(job_.job.name(), {group.group_id});
    const bool is_released =
        record.ok() ? record->front().location.length_bytes == 0 : absl::IsNotFound(record.status());
    if (is_released) return absl::FailedPreconditionError(absl::StrCat("rescore.job: ", what, " is not kept any more"));
    // A segment that is gone does not come back, and is no fault of who judged the group.
    const bool is_lost = absl::IsNotFound(stored.status()) || absl::IsDataLoss(stored.status());
    if (is_lost)
      return absl::DataLossError(absl::StrCat("rescore.job: ", what, " is lost: ", stored.status().message()));
    return StorageTrouble("read " + what, stored.status());
  }
  cohort::v1::RolloutGroup texts;
  for (cohort::v1::Rollout& rollout : *stored->mutable_rollouts()) {
    cohort::v1::Rollout& text = *texts.add_rollouts();
    text.set_sibling(rollout.sibling());
    text.set_finish_reason(rollout.finish_reason());
    text.set_text(std::move(*rollout.mutable_text()));
  }
  return texts;
}

}  // namespace cohort::coordinator
