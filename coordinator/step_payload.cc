// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_payload.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/group_parts.h"
#include "coordinator/step_planner.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kPartBytes = 1 << 20;

using Send = std::function<bool(const cohort::v1::GetStepResponse&)>;

absl::Status Hungup() { return absl::CancelledError("the rank hung up"); }

absl::Status SendGroups(const CoordinatorContext& context, const std::string& job, const std::vector<int64_t>& ids,
                        const Send& send) {
  const auto records = context.store->GetGroups(job, ids);
  if (!records.ok()) return ReadTrouble("look the groups up", records.status());
  for (const GroupRecord& record : *records) {
    if (record.location.length_bytes == 0) {
      return absl::FailedPreconditionError(absl::StrCat("step ", record.step, ": the rollouts of group ",
                                                        record.group_id, " were released (retention)"));
    }
    const auto group = context.log->Read(record.location);
    if (!group.ok()) return ReadTrouble("read the rollout log", group.status());
    const bool is_sent = SendInParts(*group, kPartBytes, [&send](const cohort::v1::RolloutGroup& part, bool is_last) {
      cohort::v1::GetStepResponse response;
      *response.mutable_group() = part;
      response.set_is_last_part(is_last);
      return send(response);
    });
    if (!is_sent) return Hungup();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SendStep(const CoordinatorContext& context, const cohort::v1::GetStepRequest& request,
                      const cohort::v1::StepPlan& plan, const Dataset* demonstrations, const Send& send) {
  cohort::v1::GetStepResponse first;
  *first.mutable_plan() = plan;
  if (!send(first)) return Hungup();
  if (plan.action() != cohort::v1::STEP_ACTION_TRAIN) return absl::OkStatus();
  std::vector<int64_t> ids;
  for (const int i : GroupsOfRank(plan, request.rank(), request.world_size())) ids.push_back(plan.groups(i).group_id());
  if (demonstrations == nullptr) return SendGroups(context, request.job(), ids, send);
  for (const int64_t row : ids) {
    cohort::v1::GetStepResponse response;
    COHORT_ASSIGN_OR_RETURN(*response.mutable_demonstration(), demonstrations->ReadDemonstration(row));
    response.set_is_last_part(true);
    if (!send(response)) return Hungup();
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
