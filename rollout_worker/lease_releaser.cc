// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/lease_releaser.h"

#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"

namespace cohort::rollout_worker {

void LeaseReleaser::Release(const std::vector<cohort::v1::GroupLease>& groups, std::string_view error) {
  if (groups.empty()) return;
  cohort::v1::ReleaseGroupsRequest request;
  request.set_worker_id(worker_id_);
  request.set_error(std::string(error));
  for (const cohort::v1::GroupLease& group : groups) {
    *request.add_leases() = group;
    leases_->Remove(group);
    metrics_->Groups(group.job(), error.empty() ? "released" : "failed").Increment();
    if (error.empty()) continue;
    log::Warning("group_failed", {{"job", group.job()},
                                  {"group", group.group_id()},
                                  {"trace_id", common::TraceIdOf(group.job(), "groups", group.group_id())},
                                  {"reason", error}});
  }
  const absl::Status status = client_->ReleaseGroups(request);
  if (status.ok()) return;
  metrics_->coordinator_errors.Increment();
  log::Warning("release_failed", {{"groups", groups.size()}, {"reason", status}});
}

}  // namespace cohort::rollout_worker
