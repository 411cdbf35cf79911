// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_MEASURED_COORDINATOR_H_
#define COHORT_COORDINATOR_BENCHMARK_MEASURED_COORDINATOR_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/learner_service.pb.h"
#include "common/grpc_server.h"
#include "common/testing/echo_service.h"
#include "coordinator/coordinator.h"
#include "coordinator/job_service.h"
#include "coordinator/learner_service.h"
#include "coordinator/rollout_service.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {

// A coordinator as its binary runs it (system clock, real disk, gRPC on loopback), with an empty RPC beside its
// services to compare with. Jobs are checked but for their model folder and ground truths. Not thread-safe.
class MeasuredCoordinator final {
 public:
  struct Options {
    std::string folder;  // holds problems.jsonl; data and runs go below it
    absl::Duration lease_duration = absl::Seconds(120);
  };

  // Opens what the folder holds.
  static absl::StatusOr<std::unique_ptr<MeasuredCoordinator>> Open(const Options& options);
  ~MeasuredCoordinator();

  std::string address() const { return server_->Address(); }
  Coordinator& coordinator() { return *coordinator_; }
  // So many connections of their own.
  std::vector<std::shared_ptr<grpc::Channel>> Connect(int num_channels) const;

  // Submits a job with so many groups open from the start, of `group_size` completions up to `max_tokens` long, makes
  // one rank join it and publishes version 0. Returns the job's name.
  absl::StatusOr<std::string> StartJob(const std::string& id, int64_t num_groups, int32_t group_size,
                                       int32_t max_tokens);
  // The rank joins whatever job waits for one, and publishes version 0.
  absl::Status JoinAndPublish();
  // A heartbeat of that rank: without one per lease duration its gang is lost, and its versions cannot be claimed.
  absl::Status KeepRank();

 private:
  MeasuredCoordinator() = default;

  prometheus::Registry registry_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<JobServiceImpl> jobs_;
  std::unique_ptr<RolloutServiceImpl> rollouts_;
  std::unique_ptr<LearnerServiceImpl> learners_;
  common::EchoService echo_{[](grpc::ServerContext*, const auto&, auto*) { return grpc::Status::OK; }};
  std::unique_ptr<common::GrpcServer> server_;
  cohort::v1::RankHeartbeatRequest rank_;
};

// Writes `num_rows` problems of about 100 bytes to <folder>/problems.jsonl.
absl::Status WriteProblems(const std::string& folder, int64_t num_rows);

// A job over these problems.
cohort::v1::JobSpec MeasuredSpec(int64_t num_groups, int32_t group_size, int32_t max_tokens);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_MEASURED_COORDINATOR_H_
