// SPDX-License-Identifier: Apache-2.0
#include "coordinator/payload_retention.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kDefaultSteps = 100;
constexpr int64_t kDefaultMaxBytes = int64_t{64} << 30;

int64_t MaxBytes(const cohort::v1::RetentionSpec& spec) {
  return spec.max_bytes() > 0 ? spec.max_bytes() : kDefaultMaxBytes;
}

// Steps below this one are not kept for their own sake.
int64_t EndOfPolicy(const cohort::v1::RetentionSpec& spec, const RetentionPoint& point) {
  switch (spec.keep_case()) {
    case cohort::v1::RetentionSpec::kAll:
      return 0;
    case cohort::v1::RetentionSpec::kCovered:
      return point.spare_version;
    case cohort::v1::RetentionSpec::kSteps:
      return std::min(point.spare_version, point.policy_version - spec.steps());
    case cohort::v1::RetentionSpec::KEEP_NOT_SET:
      break;
  }
  return std::min(point.spare_version, point.policy_version - kDefaultSteps);
}

}  // namespace

PayloadRetention::PayloadRetention(JobStore* store, std::string job, const cohort::v1::RetentionSpec& spec)
    : store_(store), job_(std::move(job)), spec_(spec) {}

void PayloadRetention::AddScored(const GroupRecord& group) { num_bytes_ += group.location.length_bytes; }

void PayloadRetention::AddPlanned(const GroupRecord& group) {
  num_planned_bytes_[group.step] += group.location.length_bytes;
}

absl::StatusOr<int64_t> PayloadRetention::Release(const RetentionPoint& point) {
  if (!is_loaded_) COHORT_RETURN_IF_ERROR(Load(point.recovery_version));
  num_planned_bytes_.erase(num_planned_bytes_.begin(), num_planned_bytes_.lower_bound(point.recovery_version));
  const int64_t end_of_policy = EndOfPolicy(spec_, point);
  const bool is_too_much = num_bytes_ > MaxBytes(spec_);
  if (end_of_policy <= done_below_ && !is_too_much) return 0;
  COHORT_ASSIGN_OR_RETURN(std::vector<GroupRecord> groups,
                          Oldest(is_too_much ? point.recovery_version : end_of_policy));
  JobChange change;
  int64_t num_bytes = num_bytes_;
  for (GroupRecord& group : groups) {
    const bool must_go = group.step < end_of_policy || num_bytes > MaxBytes(spec_);
    if (!must_go || static_cast<int>(change.groups.size()) == kMaxReleased) break;
    num_bytes -= group.location.length_bytes;
    group.location = {};
    change.groups.push_back(std::move(group));
  }
  const auto num_released = static_cast<int64_t>(change.groups.size());
  if (num_released > 0) COHORT_RETURN_IF_ERROR(store_->Apply(job_, change));
  num_bytes_ = num_bytes;
  // Groups close in steps that are not below policy_version, so what is done stays done.
  if (num_released < kMaxReleased) done_below_ = std::max(done_below_, end_of_policy);
  return num_released;
}

bool PayloadRetention::IsTooMuchSince(int64_t version) const {
  int64_t num_bytes = 0;
  for (auto it = num_planned_bytes_.lower_bound(version); it != num_planned_bytes_.end(); ++it) num_bytes += it->second;
  return num_bytes > MaxBytes(spec_);
}

absl::Status PayloadRetention::Load(int64_t recovery_version) {
  COHORT_ASSIGN_OR_RETURN(const int64_t num_bytes, store_->PayloadBytes(job_));
  std::map<int64_t, int64_t> num_planned_bytes;
  GroupFilter filter = {.first_step = recovery_version,
                        .purpose = cohort::v1::GROUP_PURPOSE_TRAIN,
                        .only_with_payload = true,
                        .limit = kMaxReleased};
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const auto groups, store_->ListGroups(job_, filter));
    for (const GroupRecord& group : groups) {
      const bool is_planned = group.state == GroupState::kPlanned || group.state == GroupState::kTrained;
      if (is_planned) num_planned_bytes[group.step] += group.location.length_bytes;
    }
    if (static_cast<int>(groups.size()) < filter.limit) break;
    filter.after_id = groups.back().group_id;
  }
  num_bytes_ = num_bytes;
  num_planned_bytes_ = std::move(num_planned_bytes);
  is_loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<GroupRecord>> PayloadRetention::Oldest(int64_t end) const {
  std::vector<GroupRecord> groups;
  if (end <= 0) return groups;
  // By purpose, because ids rise with steps within one.
  for (const auto purpose : {cohort::v1::GROUP_PURPOSE_TRAIN, cohort::v1::GROUP_PURPOSE_EVALUATE}) {
    const GroupFilter filter = {.last_step = end - 1,
                                .purpose = purpose,
                                .only_with_payload = true,
                                .only_closed = true,
                                .limit = kMaxReleased};
    COHORT_ASSIGN_OR_RETURN(auto some, store_->ListGroups(job_, filter));
    std::move(some.begin(), some.end(), std::back_inserter(groups));
  }
  std::sort(groups.begin(), groups.end(), [](const GroupRecord& a, const GroupRecord& b) {
    return std::tie(a.step, a.group_id) < std::tie(b.step, b.group_id);
  });
  return groups;
}

absl::Status ResolveRetention(cohort::v1::RetentionSpec* spec) {
  if (spec->keep_case() == cohort::v1::RetentionSpec::KEEP_NOT_SET) spec->set_steps(kDefaultSteps);
  if (spec->has_steps()) COHORT_RETURN_IF_ERROR(CheckNotNegative("steps", spec->steps()));
  if (spec->has_covered() && !spec->covered())
    return common::InvalidField("covered", "false", "must be true if it is set");
  if (spec->has_all() && !spec->all()) return common::InvalidField("all", "false", "must be true if it is set");
  COHORT_RETURN_IF_ERROR(CheckNotNegative("max_bytes", spec->max_bytes()));
  if (spec->max_bytes() == 0) spec->set_max_bytes(kDefaultMaxBytes);
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
