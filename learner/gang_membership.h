// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_GANG_MEMBERSHIP_H_
#define COHORT_LEARNER_GANG_MEMBERSHIP_H_

// Torch-free.
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"
#include "common/clock.h"
#include "common/shutdown.h"
#include "common/telemetry/recent_lines.h"
#include "learner/learner_client.h"

namespace cohort::learner {

// This process towards the coordinator: a thread that sends heartbeats, carries the wish to drain and what was logged
// about jobs, and learns that the gang was dissolved; then, or when the coordinator is given up, it ends a GetStep
// under way. Thread-safe. The client, the shutdown, the clock and the lines must outlive it.
class GangMembership final {
 public:
  struct Options {
    std::string learner_id;
    absl::Duration heartbeat_interval = absl::Seconds(2);
    // While draining, a coordinator that has been silent for so long is given up.
    absl::Duration give_up_after = absl::Seconds(30);
    log::RecentLines* lines = nullptr;  // null: none
  };

  GangMembership(Options options, LearnerClient* client, const common::Shutdown* shutdown, common::Clock* clock);
  ~GangMembership();
  GangMembership(const GangMembership&) = delete;
  GangMembership& operator=(const GangMembership&) = delete;

  // The rank's place from now on, and back to waiting.
  void Enter(const cohort::v1::JoinGangResponse& place);
  void Leave();

  // The coordinator dissolved the gang of the present place.
  bool IsLost() const;
  // SIGTERM came: finish what the plans say, then leave.
  bool IsDraining() const { return shutdown_->IsRequested(); }
  // Draining, and nobody there to say what is left to do.
  bool IsAbandoned() const;
  // Repeats an idempotent call while its status is UNAVAILABLE, DEADLINE_EXCEEDED or RESOURCE_EXHAUSTED (the
  // coordinator's disk is full), until the gang is lost or abandoned.
  absl::Status Persist(const std::function<absl::Status()>& call) const;
  // Tells the coordinator that the job cannot go on, with one sentence; a few tries.
  void ReportError(const absl::Status& error);

 private:
  void Run();
  absl::Status Send(const std::string& error);
  bool IsDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsGivenUp() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const Options options_;
  LearnerClient* const client_;
  const common::Shutdown* const shutdown_;
  common::Clock* const clock_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_lost_ ABSL_GUARDED_BY(mutex_) = false;
  bool drain_sent_ ABSL_GUARDED_BY(mutex_) = false;
  cohort::v1::RankHeartbeatRequest place_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_sent_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_answer_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_GANG_MEMBERSHIP_H_
