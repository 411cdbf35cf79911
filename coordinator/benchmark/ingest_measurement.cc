// SPDX-License-Identifier: Apache-2.0
#include "coordinator/benchmark/ingest_measurement.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cohort/v1/rollout_service.grpc.pb.h"
#include "common/grpc_channel.h"
#include "common/status_macros.h"
#include "coordinator/benchmark/measured_coordinator.h"

namespace cohort::coordinator {
namespace {

constexpr int kNumSenders = 16;
constexpr int kGroupsPerStream = 16;
constexpr int kStreamsPerSender = 2;
constexpr int kGroupSize = 8;
constexpr int kTokens = 800;
constexpr size_t kRolloutBytes = 8192;
constexpr int64_t kGroupsPerRound = int64_t{kNumSenders} * kStreamsPerSender * kGroupsPerStream;
// What the raw writer writes between two syncs: what 16 streams bring together at best.
constexpr size_t kSyncBytes = size_t{8} << 20;

// Reads and forgets.
class SinkService final : public cohort::v1::RolloutService::Service {
 public:
  grpc::Status SubmitGroups(grpc::ServerContext*, grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                            cohort::v1::SubmitGroupsResponse*) override {
    cohort::v1::SubmitGroupsRequest request;
    while (reader->Read(&request)) {
    }
    return grpc::Status::OK;
  }
};

cohort::v1::SubmitGroupsRequest ScoredGroup(const cohort::v1::GroupAssignment& assignment) {
  cohort::v1::SubmitGroupsRequest request;
  request.set_worker_id("sender");
  *request.mutable_lease() = assignment.lease();
  request.set_is_last_part(true);
  cohort::v1::RolloutGroup& group = *request.mutable_group();
  group.set_job(assignment.job());
  group.set_group_id(assignment.group_id());
  group.set_purpose(assignment.purpose());
  group.set_problem_id(assignment.problem().problem_id());
  group.set_epoch(assignment.epoch());
  group.set_attempt(assignment.lease().attempt());
  group.set_policy_version(assignment.policy_version());
  for (int token = 0; token < 32; ++token) group.add_prompt_token_ids(token);
  for (int sibling = 0; sibling < assignment.group_size(); ++sibling) {
    cohort::v1::Rollout& rollout = *group.add_rollouts();
    rollout.set_sibling(sibling);
    for (int token = 0; token < kTokens; ++token) {
      rollout.add_token_ids(1000 + token * 37 % 30000);
      rollout.add_behavior_logprobs(-0.001F * static_cast<float>(token % 997));
    }
    rollout.set_finish_reason(cohort::v1::FINISH_REASON_EOS);
    rollout.set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
    rollout.set_reward(sibling % 2);
    rollout.set_text(std::string(kRolloutBytes - std::min(kRolloutBytes, rollout.ByteSizeLong()), 'x'));
  }
  return request;
}

// One sender's streams; returns the number of accepted groups, or -1 when a call failed.
int64_t SendStreams(cohort::v1::RolloutService::Stub* stub, const cohort::v1::SubmitGroupsRequest* groups) {
  int64_t num_accepted = 0;
  for (int stream = 0; stream < kStreamsPerSender; ++stream) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    cohort::v1::SubmitGroupsResponse response;
    const auto writer = stub->SubmitGroups(&context, &response);
    for (int i = 0; i < kGroupsPerStream; ++i) writer->Write(groups[stream * kGroupsPerStream + i]);
    writer->WritesDone();
    if (!writer->Finish().ok()) return -1;
    for (const auto& receipt : response.receipts()) num_accepted += receipt.accepted() ? 1 : 0;
  }
  return num_accepted;
}

struct SendFigures {
  absl::Duration elapsed;
  int64_t num_accepted = 0;
};

absl::StatusOr<SendFigures> SendAll(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                                    const std::vector<cohort::v1::SubmitGroupsRequest>& groups) {
  std::vector<std::thread> senders;
  std::atomic<int64_t> num_accepted = 0;
  std::atomic<bool> has_failed = false;
  const absl::Time begin = absl::Now();
  for (int sender = 0; sender < kNumSenders; ++sender) {
    senders.emplace_back([&, sender] {
      const auto stub = cohort::v1::RolloutService::NewStub(channels[sender]);
      const int64_t accepted = SendStreams(stub.get(), &groups[int64_t{sender} * kStreamsPerSender * kGroupsPerStream]);
      if (accepted < 0) has_failed = true;
      num_accepted += std::max<int64_t>(accepted, 0);
    });
  }
  for (std::thread& sender : senders) sender.join();
  if (has_failed) return absl::InternalError("a stream of submits failed");
  return SendFigures{.elapsed = absl::Now() - begin, .num_accepted = num_accepted};
}

absl::StatusOr<absl::Duration> WriteRaw(const std::string& path, const std::string& bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return absl::ErrnoToStatus(errno, path);
  const absl::Time begin = absl::Now();
  bool is_written = true;
  for (size_t at = 0; at < bytes.size() && is_written; at += kSyncBytes) {
    const size_t size = std::min(kSyncBytes, bytes.size() - at);
    is_written = ::write(file, bytes.data() + at, size) == static_cast<ssize_t>(size) && ::fdatasync(file) == 0;
  }
  const absl::Duration elapsed = absl::Now() - begin;
  ::close(file);
  if (!is_written) return absl::ErrnoToStatus(errno, path);
  return elapsed;
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureIngest(const std::string& folder, int num_rounds) {
  COHORT_RETURN_IF_ERROR(WriteProblems(folder, kGroupsPerRound));
  COHORT_ASSIGN_OR_RETURN(const auto measured, MeasuredCoordinator::Open({.folder = folder}));
  COHORT_ASSIGN_OR_RETURN(const std::string job, measured->StartJob("ingest", kGroupsPerRound * (num_rounds + 1),
                                                                    kGroupSize, /*max_tokens=*/kTokens));
  SinkService sink_service;
  COHORT_ASSIGN_OR_RETURN(const auto sink,
                          common::GrpcServer::Create("127.0.0.1:0", {&sink_service}, /*enable_reflection=*/false));
  std::vector<std::shared_ptr<grpc::Channel>> sink_channels;
  for (int i = 0; i < kNumSenders; ++i) sink_channels.push_back(common::CreateChannel(sink->Address()));
  const auto channels = measured->Connect(kNumSenders);
  nlohmann::json figures;
  for (int round = -1; round < num_rounds; ++round) {  // round -1 connects and warms up
    std::vector<cohort::v1::SubmitGroupsRequest> groups;
    while (static_cast<int64_t>(groups.size()) < kGroupsPerRound) {
      cohort::v1::ClaimGroupsRequest claim;
      claim.mutable_worker()->set_worker_id("sender");
      claim.set_max_groups(static_cast<int32_t>(kGroupsPerRound - static_cast<int64_t>(groups.size())));
      COHORT_ASSIGN_OR_RETURN(const auto claimed, measured->coordinator().rollouts().Claim(claim));
      if (claimed.groups().empty()) return absl::InternalError("there are no groups to claim");
      for (const auto& assignment : claimed.groups()) groups.push_back(ScoredGroup(assignment));
    }
    std::string bytes;
    for (const auto& group : groups) bytes += group.group().SerializeAsString();
    COHORT_ASSIGN_OR_RETURN(const SendFigures thrown_away, SendAll(sink_channels, groups));
    COHORT_ASSIGN_OR_RETURN(const SendFigures stored, SendAll(channels, groups));
    COHORT_ASSIGN_OR_RETURN(const absl::Duration written, WriteRaw(folder + "/raw", bytes));
    if (stored.num_accepted != kGroupsPerRound) {
      return absl::InternalError(absl::StrCat(stored.num_accepted, " of ", kGroupsPerRound, " groups were accepted"));
    }
    std::vector<int64_t> ids;
    for (const auto& group : groups) ids.push_back(group.group().group_id());
    COHORT_ASSIGN_OR_RETURN(const auto records, measured->coordinator().context().store->GetGroups(job, ids));
    for (const GroupRecord& record : records) {
      if (record.location.length_bytes == 0) return absl::InternalError("an acknowledged group is not in the store");
    }
    if (round < 0) continue;
    const auto record = [&](const char* kind, absl::Duration elapsed) {
      const double seconds = absl::ToDoubleSeconds(elapsed);
      figures[kind]["rollouts_per_second"].push_back(static_cast<double>(kGroupsPerRound * kGroupSize) / seconds);
      figures[kind]["bytes_per_second"].push_back(static_cast<double>(bytes.size()) / seconds);
    };
    record("stored", stored.elapsed);
    record("grpc_sink", thrown_away.elapsed);
    record("write_fdatasync", written);
  }
  return figures;
}

}  // namespace cohort::coordinator
