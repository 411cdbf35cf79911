// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GANG_REGISTRY_H_
#define COHORT_COORDINATOR_GANG_REGISTRY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"

namespace cohort::coordinator {

// A learner's place in a gang.
struct GangPlace {
  std::string job;
  int32_t rank = 0;
  int32_t world_size = 0;
  int64_t incarnation = 0;
  std::string store_address;  // of rank 0
};

// A learner that was heard of lately.
struct KnownLearner {
  cohort::v1::JoinGangRequest learner;  // as it last described itself
  bool is_waiting = false;              // its JoinGang is in progress and it has no place
  std::string job;                      // of its gang; empty without one
  int32_t rank = 0;
  absl::Duration last_heard;
};

// A gang that is no more, and why.
struct LostGang {
  std::string job;
  int64_t incarnation = 0;
  std::string reason;
};

// Membership of learner ranks:
//
//   BeginWait -> waiting -> Form -> member -> (gang stopping) BeginWait again: left -> all left: gang over
//                  |                  +--- silent too long, or BeginWait while the gang is not stopping: gang over
//                  |                  +--- End: gang over
//               EndWait
//
// Only learners whose JoinGang is in progress are given a place; ranks follow the order of learner ids. A learner
// between two calls is remembered for a short while. Over gangs are collected by TakeLost. Thread-safe.
class GangRegistry final {
 public:
  // A member not heard of for `silence` is lost, and its gang with it.
  explicit GangRegistry(absl::Duration silence) : silence_(silence) {}

  void BeginWait(const cohort::v1::JoinGangRequest& learner, absl::Duration now);
  // The place given since BeginWait, if any. Ends the wait.
  std::optional<GangPlace> EndWait(std::string_view learner_id, absl::Duration now);
  bool HasPlace(std::string_view learner_id) const;
  int64_t NumWaiting() const;
  // In order of id.
  std::vector<KnownLearner> Learners() const;
  // Rises whenever a learner begins or ends a wait.
  int64_t num_changes() const;

  // Makes these learners the gang of a job that has none; false when one of them does not wait any more.
  bool Form(std::string_view job, const std::vector<std::string>& learner_ids, int64_t incarnation, absl::Duration now);
  // ABORTED when the rank is not a member of this incarnation of the gang.
  absl::Status Hear(std::string_view job, int64_t incarnation, int32_t rank, absl::Duration now);
  // Its ranks are told to stop: from now on a rank that waits again has left in order.
  // Nothing when the gang is of another incarnation by now.
  void SetStopping(std::string_view job, int64_t incarnation);
  bool HasGang(std::string_view job) const;
  // It is over, whatever its ranks do. Nothing when it is of another incarnation by now.
  void End(const LostGang& gang);

  // Forgets learners that are away for too long, too.
  std::vector<LostGang> TakeLost(absl::Duration now);

 private:
  struct Member {
    std::string learner_id;
    absl::Duration last_heard;
    bool has_left = false;
  };
  struct Gang {
    int64_t incarnation = 0;
    bool is_stopping = false;
    std::string over_reason;  // empty while it lives
    std::string store_address;
    std::vector<Member> members;  // by rank
  };
  struct Learner {
    cohort::v1::JoinGangRequest description;
    int64_t num_calls = 0;      // JoinGang in progress
    absl::Duration last_heard;  // its last JoinGang
    // Its membership, until it leaves or the gang is gone.
    std::string job;
    int64_t incarnation = 0;
    int32_t rank = 0;
  };

  void Depart(Learner* learner) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Dissolve(const std::string& job, const Gang& gang) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The living gang that it is a member of; null without one.
  const Gang* GangOf(const Learner& learner) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const absl::Duration silence_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Learner, std::less<>> learners_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Gang, std::less<>> gangs_ ABSL_GUARDED_BY(mutex_);  // by job
  int64_t num_changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GANG_REGISTRY_H_
