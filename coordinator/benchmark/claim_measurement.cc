// SPDX-License-Identifier: Apache-2.0
#include "coordinator/benchmark/claim_measurement.h"

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cohort/v1/rollout_service.pb.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/status_macros.h"
#include "coordinator/benchmark/closed_loop.h"
#include "coordinator/benchmark/measured_coordinator.h"
#include "coordinator/benchmark/ready_claims.h"

namespace cohort::coordinator {
namespace {

constexpr char kClaim[] = "/cohort.v1.RolloutService/ClaimGroups";
constexpr char kHeartbeat[] = "/cohort.v1.RolloutService/Heartbeat";
constexpr int kNumWorkers = 1000;
constexpr int kNumChannels = 16;
// As many as a job may have open: claims that find nothing are not what is measured.
constexpr int64_t kNumGroups = 260'000;
constexpr absl::Duration kRound = absl::Milliseconds(500);
constexpr int kLargestBatch = 64;

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

using ClaimLoop = ClosedLoop<cohort::v1::ClaimGroupsRequest, cohort::v1::ClaimGroupsResponse>;

cohort::v1::ClaimGroupsRequest ClaimBy(int number, int max_groups) {
  cohort::v1::ClaimGroupsRequest request;
  *request.mutable_worker() = Worker(number);
  request.set_max_groups(max_groups);
  return request;
}

// Claims `batch` groups a call; proves that none was leased twice and gives them all back afterwards, untimed.
absl::StatusOr<LoadFigures> ClaimRound(MeasuredCoordinator* measured, const std::string& job,
                                       const std::vector<std::shared_ptr<grpc::Channel>>& channels, int batch,
                                       int64_t* num_leases) {
  std::vector<ClaimedLease> leases;
  leases.reserve(kNumGroups);
  int64_t num_foreign = 0, num_short = 0;
  ClaimLoop loop(channels, kClaim, kNumWorkers);
  const LoadFigures figures = loop.Run(
      kRound, [batch](int caller) { return ClaimBy(caller, batch); },
      [&](int, const cohort::v1::ClaimGroupsResponse& response) {
        for (const auto& group : response.groups()) {
          num_foreign += group.job() == job && !group.problem().prompt().empty() ? 0 : 1;
          leases.push_back({.group_id = group.group_id(),
                            .coordinator_epoch = group.lease().coordinator_epoch(),
                            .attempt = group.lease().attempt()});
        }
        num_short += response.groups_size() == batch ? 0 : 1;
        // On a fast machine the round ends when the groups under way are the last ones.
        return static_cast<int64_t>(leases.size()) + int64_t{kNumWorkers} * batch <= kNumGroups;
      });
  std::set<int64_t> ids;
  for (const auto& lease : leases) ids.insert(lease.group_id);
  if (ids.size() != leases.size()) return absl::InternalError("a group was leased twice");
  if (num_foreign > 0) return absl::InternalError(absl::StrCat(num_foreign, " groups are not whole"));
  if (figures.num_failed > 0) return absl::InternalError(absl::StrCat(figures.num_failed, " claims failed"));
  if (num_short > 0) return absl::InternalError(absl::StrCat(num_short, " claims found too few groups"));
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

// The same answer of a full batch to every claim, from a server of its own.
absl::StatusOr<LoadFigures> ReadyRound(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                                       int64_t* num_leases) {
  int64_t num_groups = 0;
  ClaimLoop loop(channels, kClaim, kNumWorkers);
  const LoadFigures figures = loop.Run(
      kRound, [](int caller) { return ClaimBy(caller, kLargestBatch); },
      [&num_groups](int, const cohort::v1::ClaimGroupsResponse& response) {
        num_groups += response.groups_size();
        return true;
      });
  if (figures.num_failed > 0) return absl::InternalError(absl::StrCat(figures.num_failed, " claims failed"));
  *num_leases = num_groups;
  return figures;
}

// What a claim of a full batch is answered with; the groups are given back.
absl::StatusOr<cohort::v1::ClaimGroupsResponse> FullAnswer(RolloutDispatch* rollouts) {
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::ClaimGroupsResponse answer, rollouts->Claim(ClaimBy(0, kLargestBatch)));
  cohort::v1::ClaimGroupsResponse given_back = answer;
  rollouts->GiveBack(&given_back);
  return answer;
}

void Record(const LoadFigures& figures, int64_t num_leases, nlohmann::json* kind) {
  (*kind)["calls_per_second"].push_back(figures.CallsPerSecond());
  (*kind)["leases_per_second"].push_back(static_cast<double>(num_leases) / absl::ToDoubleSeconds(figures.elapsed));
  (*kind)["cpu_us_per_call"].push_back(absl::ToDoubleMicroseconds(figures.cpu) /
                                       static_cast<double>(figures.num_calls));
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
  COHORT_ASSIGN_OR_RETURN(const auto answer, FullAnswer(&measured->coordinator().rollouts()));
  ReadyClaims ready_claims(answer);
  COHORT_ASSIGN_OR_RETURN(const auto ready_server,
                          common::GrpcServer::Create("127.0.0.1:0", {&ready_claims}, /*enable_reflection=*/false));
  std::vector<std::shared_ptr<grpc::Channel>> ready_channels;
  for (int i = 0; i < kNumChannels; ++i) ready_channels.push_back(common::CreateChannel(ready_server->Address()));
  nlohmann::json figures = {{"bytes_per_lease", static_cast<double>(answer.ByteSizeLong()) / kLargestBatch}};
  for (int round = -1; round < num_rounds; ++round) {  // round -1 connects and warms up
    const LoadFigures empty = EmptyRound(channels);
    if (round >= 0) Record(empty, 0, &figures["empty"]);
    int64_t num_leases = 0;
    for (const int batch : {1, 16, kLargestBatch}) {
      COHORT_ASSIGN_OR_RETURN(const LoadFigures claims, ClaimRound(measured.get(), job, channels, batch, &num_leases));
      if (round >= 0) Record(claims, num_leases, &figures[absl::StrCat("claim_", batch)]);
    }
    COHORT_ASSIGN_OR_RETURN(const LoadFigures ready, ReadyRound(ready_channels, &num_leases));
    if (round >= 0) Record(ready, num_leases, &figures["ready_64"]);
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
  ClaimLoop claims(channels, kClaim, kNumWorkers);
  const absl::Time claimed_from = absl::Now();
  claims.Run(
      absl::InfiniteDuration(), [](int caller) { return ClaimBy(caller, 1); },
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
  const absl::Duration cpu_before = CpuTime();
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
  ClaimLoop again({channels[0]}, kClaim, 1);
  again.Run(
      2 * kLease,
      [](int) {
        cohort::v1::ClaimGroupsRequest request = ClaimBy(kNumSilent, kNumSilent);
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
  return nlohmann::json{
      {"lease_seconds", absl::ToDoubleSeconds(kLease)},
      {"groups_leased_again", leased_again.size()},
      {"groups_doubled", num_doubled},
      {"healthy_leases_lost", num_lost},
      // From the earliest and from the latest moment at which the leases of the silent workers can have begun.
      {"last_after_first_lease_ms", absl::ToDoubleMilliseconds(last_leased - claimed_from - kLease)},
      {"last_after_last_lease_ms", absl::ToDoubleMilliseconds(last_leased - claimed_until - kLease)},
      {"cpu_seconds_both_ends", absl::ToDoubleSeconds(CpuTime() - cpu_before)}};
}

}  // namespace cohort::coordinator
