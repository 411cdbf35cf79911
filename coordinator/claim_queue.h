// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CLAIM_QUEUE_H_
#define COHORT_COORDINATOR_CLAIM_QUEUE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/change_signal.h"
#include "coordinator/waiting_claims.h"

namespace cohort::coordinator {

// Claims that wait for groups, as long polls without a thread each: one thread goes through those that may get
// something, oldest first, when there may be news. So a thousand idle workers cost a thousand small records, a group
// that becomes free wakes one worker, and one that is not for them disturbs none. Thread-safe.
class ClaimQueue final {
 public:
  static constexpr int64_t kMaxWaiting = 1 << 16;
  // Called once, on any thread, with no lock held.
  using Answer = std::function<void(const absl::Status&)>;
  struct Source {
    // What there is for this claim now, without waiting; an error or an answer with groups ends the claim.
    std::function<absl::Status(const cohort::v1::ClaimGroupsRequest& request, cohort::v1::ClaimGroupsResponse*)> claim;
    // Who may get something now: asking for the others is idle.
    std::function<std::vector<GroupOffer>()> offers;
  };

  // The signal and what the source needs must outlive it.
  ClaimQueue(Source source, const ChangeSignal* signal);
  // Closes.
  ~ClaimQueue();

  // Answers at once if it can, or has to because `deadline` has passed, else as soon as there are groups, at `deadline`
  // at the latest. RESOURCE_EXHAUSTED while kMaxWaiting wait. The ticket is for Cancel; 0: answered. Request and
  // response are used until then.
  int64_t Add(const cohort::v1::ClaimGroupsRequest* request, absl::Time deadline,
              cohort::v1::ClaimGroupsResponse* response, Answer answer) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody waits for the answer any more: it comes at once, CANCELLED, unless it is on its way.
  void Cancel(int64_t ticket) ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers all claims, now and later, with what there is.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  int64_t NumWaiting() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // The ticket, and takes the claim along. 0: all claims end. RESOURCE_EXHAUSTED: too many wait.
  absl::StatusOr<int64_t> Park(WaitingClaim* claim) ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers those that get groups, oldest first.
  void Serve() ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers those whose deadline has passed.
  void AnswerDue(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes the oldest one out that came after `ticket` and may get something, and moves `ticket` on; nullopt when there
  // is none.
  std::optional<WaitingClaim> TakeAfter(int64_t* ticket) ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<WaitingClaim> TakeDue(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Puts one back that got nothing. False, and it is still the caller's, when it was cancelled meanwhile or all end.
  bool PutBack(int64_t ticket, WaitingClaim* claim) ABSL_LOCKS_EXCLUDED(mutex_);

  const Source source_;
  const ChangeSignal* const signal_;
  mutable absl::Mutex mutex_;
  WaitingClaims waiting_ ABSL_GUARDED_BY(mutex_);        // tickets are in order of arrival
  std::set<int64_t> cancelled_ ABSL_GUARDED_BY(mutex_);  // while they were taken out
  std::set<int64_t> taken_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CLAIM_QUEUE_H_
