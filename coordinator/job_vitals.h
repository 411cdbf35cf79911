// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_VITALS_H_
#define COHORT_COORDINATOR_JOB_VITALS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// How an unfinished job does at the moment: since when nothing has moved, which storage fails it, its place in the
// queue. Remembered in memory only. Not thread-safe: guarded by its owner.
class JobVitals final {
 public:
  // A trouble that may pass by itself.
  class Trouble final {
   public:
    // OK ends it. True when it is another one than before, and not its end.
    bool Note(const absl::Status& status, absl::Time now);
    // Empty while there is none.
    const std::string& text() const { return text_; }
    absl::Time since() const { return since_; }

   private:
    std::string text_;
    absl::Time since_;
  };

  // From time to time: `progress` rises with everything that moves the job; `now` is monotonic.
  void Look(int64_t progress, absl::Duration now);
  // Since when `progress` has been what it is, as far as was looked.
  absl::Duration MovedAt(int64_t progress, absl::Duration now) const { return progress == progress_ ? moved_at_ : now; }

  Trouble& store() { return store_; }
  const Trouble& store() const { return store_; }
  Trouble& rollout_log() { return rollout_log_; }
  // That workers of the job have different processors.
  Trouble& processors() { return processors_; }
  // The queue's decision: its place, from 1, and why it waits.
  void SetQueuePlace(int64_t position, const std::string& reason);
  const std::string& queue_reason() const { return queue_reason_; }

  // Fills in what a job in its present state waits for, its place in the queue, and the conditions that are not stored.
  // `stalled`: for how long it has not moved.
  void FillIn(const std::string& waits_for, absl::Duration stalled, absl::Time now, cohort::v1::Job* job) const;

 private:
  int64_t progress_ = -1;
  absl::Duration moved_at_;
  Trouble store_;
  Trouble rollout_log_;
  Trouble processors_;
  int64_t queue_position_ = 0;
  std::string queue_reason_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_VITALS_H_
