// SPDX-License-Identifier: Apache-2.0
#include "coordinator/benchmark/scale_measurement.h"

#include <malloc.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "coordinator/benchmark/measured_coordinator.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kNumProblems = 1'000'000;
constexpr int64_t kNumGroups = 100'000;

// Anonymous memory of the process: mapped files are not part of it.
int64_t AnonymousBytes() {
  ::malloc_trim(0);
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    absl::string_view text = line;
    int64_t kilobytes = 0;
    if (absl::ConsumePrefix(&text, "RssAnon:") && absl::ConsumeSuffix(&text, "kB") &&
        absl::SimpleAtoi(text, &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

absl::StatusOr<cohort::v1::ClaimGroupsResponse> ClaimSome(MeasuredCoordinator* measured, int32_t num_groups) {
  cohort::v1::ClaimGroupsRequest claim;
  claim.mutable_worker()->set_worker_id("worker");
  claim.set_max_groups(num_groups);
  claim.mutable_wait()->set_seconds(30);
  return measured->coordinator().rollouts().Claim(claim);
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureScale(const std::string& folder) {
  COHORT_RETURN_IF_ERROR(WriteProblems(folder, kNumProblems));
  const MeasuredCoordinator::Options options{.folder = folder};
  COHORT_ASSIGN_OR_RETURN(auto measured, MeasuredCoordinator::Open(options));
  const int64_t idle_bytes = AnonymousBytes();
  const absl::Time submitted = absl::Now();
  COHORT_ASSIGN_OR_RETURN(const std::string job,
                          measured->StartJob("scale", kNumGroups, /*group_size=*/2, /*max_tokens=*/8));
  const absl::Duration start = absl::Now() - submitted;
  cohort::v1::GroupLease lease;
  for (int64_t num_leased = 0; num_leased < kNumGroups - 1;) {
    COHORT_ASSIGN_OR_RETURN(const auto claimed,
                            ClaimSome(measured.get(), static_cast<int32_t>(kNumGroups - 1 - num_leased)));
    num_leased += claimed.groups_size();
    lease.set_job(job);
    lease.set_group_id(claimed.groups(0).group_id());
    *lease.mutable_lease() = claimed.groups(0).lease();
  }
  const int64_t used_bytes = AnonymousBytes() - idle_bytes;
  measured.reset();

  const absl::Time begin = absl::Now();
  COHORT_ASSIGN_OR_RETURN(measured, MeasuredCoordinator::Open(options));
  const absl::Duration opened = absl::Now() - begin;
  cohort::v1::WorkerHeartbeatRequest heartbeat;
  heartbeat.mutable_worker()->set_worker_id("worker");
  *heartbeat.add_leases() = lease;
  COHORT_ASSIGN_OR_RETURN(const auto renewed, measured->coordinator().rollouts().Heartbeat(heartbeat));
  const absl::Duration first_renewal = absl::Now() - begin;
  if (renewed.lost_size() > 0) return absl::InternalError("a lease was lost over the restart");
  COHORT_RETURN_IF_ERROR(measured->JoinAndPublish());
  COHORT_ASSIGN_OR_RETURN(const auto claimed, ClaimSome(measured.get(), 1));
  if (claimed.groups_size() != 1) return absl::InternalError("nothing could be claimed after the restart");
  const absl::Duration serving = absl::Now() - begin;
  return nlohmann::json{{"problems", kNumProblems},
                        {"open_groups", kNumGroups},
                        {"bytes_per_problem", static_cast<double>(used_bytes) / kNumProblems},
                        {"submit_to_claimable_seconds", absl::ToDoubleSeconds(start)},
                        {"restart_open_seconds", absl::ToDoubleSeconds(opened)},
                        {"restart_first_renewal_seconds", absl::ToDoubleSeconds(first_renewal)},
                        {"restart_serving_seconds", absl::ToDoubleSeconds(serving)}};
}

}  // namespace cohort::coordinator
