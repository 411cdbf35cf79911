// SPDX-License-Identifier: Apache-2.0
#include "coordinator/benchmark/claim_measurement.h"

#include <sys/resource.h>

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cohort/v1/rollout_service.pb.h"
#include "common/status_macros.h"
#include "coordinator/benchmark/closed_loop.h"
#include "coordinator/benchmark/measured_coordinator.h"

namespace cohort::coordinator {
namespace {

constexpr char kClaim[] = "/cohort.v1.RolloutService/ClaimGroups";
constexpr char kHeartbeat[] = "/cohort.v1.RolloutService/Heartbeat";
constexpr int kNumWorkers = 1000;
constexpr int kNumChannels = 16;
constexpr int64_t kNumGroups = 200'000;
constexpr absl::Duration kRound = absl::Seconds(2);

cohort::v1::WorkerDescription Worker(int number) {
  cohort::v1::WorkerDescription worker;
  worker.set_worker_id(absl::StrCat("worker-", number));
  worker.set_device("cpu");
  return worker;
}

cohort::v1::GroupLease LeaseOf(const cohort::v1::GroupAssignment& group) {
  cohort::v1::GroupLease lease;
  lease.set_job(group.job());
  lease.set_group_id(group.group_id());
  *lease.mutable_lease() = group.lease();
  return lease;
}

// What a worker keeps of a group of the measured job.
struct ClaimedLease {
  int64_t group_id = 0;
  int64_t coordinator_epoch = 0;
  int32_t attempt = 0;
};

// Claims `batch` groups a call; proves that none was leased twice and gives them all back afterwards, untimed.
absl::StatusOr<LoadFigures> ClaimRound(MeasuredCoordinator* measured, const std::string& job,
                                       const std::vector<std::shared_ptr<grpc::Channel>>& channels, int batch,
                                       int64_t* num_leases) {
  std::vector<ClaimedLease> leases;
  leases.reserve(kNumGroups);
  int64_t num_foreign = 0;
  ClosedLoop<cohort::v1::ClaimGroupsRequest, cohort::v1::ClaimGroupsResponse> loop(channels, kClaim, kNumWorkers);
  const LoadFigures figures = loop.Run(
      kRound,
      [batch](int caller) {
        cohort::v1::ClaimGroupsRequest request;
        *request.mutable_worker() = Worker(caller);
        request.set_max_groups(batch);
        return request;
      },
      [&](int, const cohort::v1::ClaimGroupsResponse& response) {
        for (const auto& group : response.groups()) {
          num_foreign += group.job() == job && !group.problem().prompt().empty() ? 0 : 1;
          leases.push_back({.group_id = group.group_id(),
                            .coordinator_epoch = group.lease().coordinator_epoch(),
                            .attempt = group.lease().attempt()});
        }
        return response.groups_size() > 0;
      });
  std::set<int64_t> ids;
  for (const auto& lease : leases) ids.insert(lease.group_id);
  if (ids.size() != leases.size()) return absl::InternalError("a group was leased twice");
  if (num_foreign > 0) return absl::InternalError(absl::StrCat(num_foreign, " groups are not whole"));
  if (figures.num_failed > 0) return absl::InternalError(absl::StrCat(figures.num_failed, " claims failed"));
  *num_leases = static_cast<int64_t>(leases.size());
  cohort::v1::ReleaseGroupsRequest release;
  for (const auto& claimed : leases) {
    cohort::v1::GroupLease& lease = *release.add_leases();
    lease.set_job(job);
    lease.set_group_id(claimed.group_id);
    lease.mutable_lease()->set_coordinator_epoch(claimed.coordinator_epoch);
    lease.mutable_lease()->set_attempt(claimed.attempt);
  }
  measured->coordinator().rollouts().Release(release);
  return figures;
}

LoadFigures EmptyRound(const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
  ClosedLoop<common::EchoService::Text, common::EchoService::Text> loop(channels, common::EchoService::kMethod,
                                                                        kNumWorkers);
  return loop.Run(
      kRound, [](int) { return common::EchoService::Text(); }, [](int, const auto&) { return true; });
}

void Record(const LoadFigures& figures, int64_t num_leases, nlohmann::json* kind) {
  (*kind)["calls_per_second"].push_back(figures.CallsPerSecond());
  (*kind)["leases_per_second"].push_back(static_cast<double>(num_leases) / absl::ToDoubleSeconds(figures.elapsed));
  (*kind)["p50_ms"].push_back(figures.latency.Quantile(0.5));
  (*kind)["p99_ms"].push_back(figures.latency.Quantile(0.99));
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureClaims(const std::string& folder, int num_rounds) {
  COHORT_RETURN_IF_ERROR(WriteProblems(folder, kNumGroups));
  COHORT_ASSIGN_OR_RETURN(const auto measured, MeasuredCoordinator::Open({.folder = folder}));
  COHORT_ASSIGN_OR_RETURN(const std::string job,
                          measured->StartJob("claims", kNumGroups, /*group_size=*/2, /*max_tokens=*/8));
  const auto channels = measured->Connect(kNumChannels);
  nlohmann::json figures;
  for (int round = -1; round < num_rounds; ++round) {  // round -1 connects and warms up
    const LoadFigures empty = EmptyRound(channels);
    if (round >= 0) Record(empty, 0, &figures["empty"]);
    for (const int batch : {1, 16, 64}) {
      int64_t num_leases = 0;
      COHORT_ASSIGN_OR_RETURN(const LoadFigures claims, ClaimRound(measured.get(), job, channels, batch, &num_leases));
      if (round >= 0) Record(claims, num_leases, &figures[absl::StrCat("claim_", batch)]);
    }
  }
  return figures;
}

absl::StatusOr<nlohmann::json> MeasureFailureStorm(const std::string& folder) {
  constexpr int kNumSilent = 200;
  constexpr absl::Duration kLease = absl::Seconds(3);
  COHORT_RETURN_IF_ERROR(WriteProblems(folder, kNumWorkers));
  COHORT_ASSIGN_OR_RETURN(const auto measured, MeasuredCoordinator::Open({.folder = folder, .lease_duration = kLease}));
  COHORT_RETURN_IF_ERROR(measured->StartJob("storm", kNumWorkers, /*group_size=*/2, /*max_tokens=*/8).status());
  const auto channels = measured->Connect(kNumChannels);
  std::vector<cohort::v1::GroupLease> leases(kNumWorkers);
  ClosedLoop<cohort::v1::ClaimGroupsRequest, cohort::v1::ClaimGroupsResponse> claims(channels, kClaim, kNumWorkers);
  const absl::Time claimed_from = absl::Now();
  claims.Run(
      absl::InfiniteDuration(),
      [](int caller) {
        cohort::v1::ClaimGroupsRequest request;
        *request.mutable_worker() = Worker(caller);
        request.set_max_groups(1);
        return request;
      },
      [&](int caller, const cohort::v1::ClaimGroupsResponse& response) {
        if (response.groups_size() == 1) leases[caller] = LeaseOf(response.groups(0));
        return false;
      });
  const absl::Time claimed_until = absl::Now();
  std::set<int64_t> silent;
  for (int worker = 0; worker < kNumSilent; ++worker) silent.insert(leases[worker].group_id());
  // The others renew what they hold twice per second; one of them has room and claims what comes free.
  absl::Time last_leased = absl::InfinitePast();
  std::set<int64_t> leased_again;
  int64_t num_doubled = 0;
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  int64_t num_lost = 0;
  absl::Status rank;
  std::thread heartbeats([&] {
    ClosedLoop<cohort::v1::WorkerHeartbeatRequest, cohort::v1::WorkerHeartbeatResponse> loop(channels, kHeartbeat,
                                                                                             kNumWorkers - kNumSilent);
    for (const absl::Time end = absl::Now() + 2 * kLease; absl::Now() < end; absl::SleepFor(absl::Milliseconds(500))) {
      rank.Update(measured->KeepRank());
      loop.Run(
          absl::InfiniteDuration(),
          [&](int caller) {
            cohort::v1::WorkerHeartbeatRequest request;
            *request.mutable_worker() = Worker(kNumSilent + caller);
            *request.add_leases() = leases[kNumSilent + caller];
            return request;
          },
          [&](int, const cohort::v1::WorkerHeartbeatResponse& response) {
            num_lost += response.lost_size();
            return false;
          });
    }
  });
  ClosedLoop<cohort::v1::ClaimGroupsRequest, cohort::v1::ClaimGroupsResponse> again({channels[0]}, kClaim, 1);
  again.Run(
      2 * kLease,
      [](int) {
        cohort::v1::ClaimGroupsRequest request;
        *request.mutable_worker() = Worker(kNumSilent);
        request.set_max_groups(kNumSilent);
        request.mutable_wait()->set_nanos(500'000'000);
        return request;
      },
      [&](int, const cohort::v1::ClaimGroupsResponse& response) {
        for (const auto& group : response.groups()) {
          num_doubled += silent.count(group.group_id()) == 0 || !leased_again.insert(group.group_id()).second ? 1 : 0;
          last_leased = absl::Now();
        }
        return leased_again.size() < kNumSilent;
      });
  heartbeats.join();
  COHORT_RETURN_IF_ERROR(rank);
  if (leased_again.size() != kNumSilent) {
    return absl::InternalError(absl::StrCat(leased_again.size(), " of ", kNumSilent, " groups were leased again"));
  }
  ::getrusage(RUSAGE_SELF, &after);
  const auto cpu_seconds = [](const rusage& use) {
    return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
  };
  return nlohmann::json{
      {"lease_seconds", absl::ToDoubleSeconds(kLease)},
      {"groups_leased_again", leased_again.size()},
      {"groups_doubled", num_doubled},
      {"healthy_leases_lost", num_lost},
      // From the earliest and from the latest moment at which the leases of the silent workers can have begun.
      {"last_after_first_lease_ms", absl::ToDoubleMilliseconds(last_leased - claimed_from - kLease)},
      {"last_after_last_lease_ms", absl::ToDoubleMilliseconds(last_leased - claimed_until - kLease)},
      {"cpu_seconds_both_ends", cpu_seconds(after) - cpu_seconds(before)}};
}

}  // namespace cohort::coordinator
