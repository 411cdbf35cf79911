// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_BENCH_COORDINATOR_H_
#define COHORT_COORDINATOR_TESTING_BENCH_COORDINATOR_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/temp_dir.h"
#include "coordinator/gang_assembly.h"
#include "coordinator/in_memory_job_store.h"
#include "coordinator/job_directory.h"
#include "coordinator/rollout_dispatch.h"
#include "coordinator/testing/faulty_storage.h"
#include "gtest/gtest.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {

// The parts of a coordinator put together without servers and threads, so that every call happens when the test makes
// it; the store is in memory, store and log fail as `fault_` says.
class BenchCoordinator : public ::testing::Test {
 protected:
  void SetUp() override;
  // problems.jsonl with so many rows.
  void WriteRows(int count);
  // What a new process does; the store stays.
  void Restart();
  // Time has passed for jobs and gangs.
  void Tick();
  // So many seconds go by, with a tick each, while the rank at `place` sends heartbeats; nobody does when it is empty.
  void Pass(int seconds, const cohort::v1::JoinGangResponse& place);

  absl::StatusOr<cohort::v1::Job> Create(const std::string& id, const cohort::v1::JobSpec& spec);
  cohort::v1::Job Get(const std::string& id) { return *directory_->Get(NameOf(id)); }
  std::shared_ptr<JobRuntime> Runtime(const std::string& id) { return *directory_->Find(NameOf(id)); }
  static std::string NameOf(const std::string& id) { return "namespaces/default/jobs/" + id; }

  // The place of the only rank; an empty job when there was none.
  cohort::v1::JoinGangResponse Join(const std::string& learner = "rank");
  // Job "sums", whose only rank has joined and published version 0, of digest 'a': the place of that rank.
  cohort::v1::JoinGangResponse StartSums(const cohort::v1::JobSpec& spec);
  // Digests are 32 times the same character.
  absl::Status Publish(const cohort::v1::JoinGangResponse& place, int64_t version, char digest);
  absl::Status Commit(const cohort::v1::JoinGangResponse& place, int64_t version, char digest);
  // Makes the folder, too.
  absl::Status Seal(const cohort::v1::JoinGangResponse& place, int64_t version, char digest);
  absl::StatusOr<std::optional<cohort::v1::StepPlan>> GetPlan(const cohort::v1::JoinGangResponse& place,
                                                              int64_t version);

  // Does not wait. A cancelled call is alive when it comes in and gone when it is to be answered.
  cohort::v1::ClaimGroupsResponse Claim(const std::string& worker, int count, bool is_cancelled = false);
  // By a worker whose model folders, if it was told of any, hold what they should.
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> Submit(const cohort::v1::ClaimGroupsResponse& claimed);
  // Why all groups of an answer are to be submitted again; empty when they are not.
  static std::string WhyTryAgain(const absl::StatusOr<std::vector<cohort::v1::GroupReceipt>>& receipts);
  void Release(const cohort::v1::ClaimGroupsResponse& claimed, const std::string& error);
  // How many of the leases a heartbeat finds lost.
  int NumLost(const std::string& worker, const cohort::v1::ClaimGroupsResponse& claimed);

  common::TempDir folder_;
  common::SimulatedClock clock_;
  prometheus::Registry registry_;
  CoordinatorMetrics metrics_{&registry_};
  ChangeSignal signal_;
  StorageFault fault_;
  // Of every model folder, and how many were read.
  absl::StatusOr<std::string> folder_digest_ = std::string(32, 'a');
  int num_folders_read_ = 0;
  std::unique_ptr<JobStore> memory_ = MakeInMemoryJobStore();
  FaultyJobStore store_{memory_.get(), &fault_};
  std::unique_ptr<rollout_log::RolloutLog> log_;
  std::unique_ptr<WorkerRegistry> workers_;
  CoordinatorContext context_;
  std::unique_ptr<JobDirectory> directory_;
  std::unique_ptr<GangAssembly> gangs_;
  std::unique_ptr<RolloutDispatch> rollouts_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_BENCH_COORDINATOR_H_
