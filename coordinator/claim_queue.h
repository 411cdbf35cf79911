// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CLAIM_QUEUE_H_
#define COHORT_COORDINATOR_CLAIM_QUEUE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/change_signal.h"

namespace cohort::coordinator {

// Claims that wait for groups, as long polls without a thread each: one thread goes through them, oldest first, when
// there may be news. So a thousand idle workers cost a thousand small records, and a group that becomes free wakes one
// worker. Thread-safe.
class ClaimQueue final {
 public:
  static constexpr int64_t kMaxWaiting = 1 << 16;
  using Response = absl::StatusOr<cohort::v1::ClaimGroupsResponse>;
  // Called once, on any thread, with no lock held.
  using Answer = std::function<void(Response)>;
  struct Source {
    // What there is for this claim now, without waiting; an error or an answer with groups ends the claim.
    std::function<Response(const cohort::v1::ClaimGroupsRequest& request)> claim;
    // False: nobody can get anything now, so that asking the others is idle.
    std::function<bool()> has_groups;
  };

  // The signal and what the source needs must outlive it.
  ClaimQueue(Source source, const ChangeSignal* signal);
  // Closes.
  ~ClaimQueue();

  // Answers at once if it can, or has to because `deadline` has passed, else as soon as there are groups, at `deadline`
  // at the latest. RESOURCE_EXHAUSTED while kMaxWaiting wait. The ticket is for Cancel; 0: answered.
  int64_t Add(cohort::v1::ClaimGroupsRequest request, absl::Time deadline, Answer answer) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody waits for the answer any more: it comes at once, CANCELLED, unless it is on its way.
  void Cancel(int64_t ticket) ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers all claims, now and later, with what there is.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  int64_t NumWaiting() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiting {
    cohort::v1::ClaimGroupsRequest request;
    absl::Time deadline;
    Answer answer;
  };

  void Run();
  // The ticket, and takes the answer along. 0: all claims end. RESOURCE_EXHAUSTED: too many wait.
  absl::StatusOr<int64_t> Park(cohort::v1::ClaimGroupsRequest request, absl::Time deadline, Answer* answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers those that get groups, oldest first.
  void Serve() ABSL_LOCKS_EXCLUDED(mutex_);
  // Answers those whose deadline has passed.
  void AnswerDue(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes the oldest one that came after `ticket` out, and moves `ticket` on; false when there is none.
  bool TakeAfter(int64_t* ticket, Waiting* taken) ABSL_LOCKS_EXCLUDED(mutex_);
  bool TakeDue(absl::Time now, Waiting* taken) ABSL_LOCKS_EXCLUDED(mutex_);
  // Puts one back that got nothing. False, and it is still the caller's, when it was cancelled meanwhile or all end.
  bool PutBack(int64_t ticket, Waiting* waiting) ABSL_LOCKS_EXCLUDED(mutex_);

  const Source source_;
  const ChangeSignal* const signal_;
  mutable absl::Mutex mutex_;
  std::map<int64_t, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);                  // by ticket: in order of arrival
  std::set<std::pair<absl::Time, int64_t>> deadlines_ ABSL_GUARDED_BY(mutex_);  // of all that wait
  std::set<int64_t> cancelled_ ABSL_GUARDED_BY(mutex_);                         // while they were taken out
  std::set<int64_t> taken_ ABSL_GUARDED_BY(mutex_);
  int64_t next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CLAIM_QUEUE_H_
