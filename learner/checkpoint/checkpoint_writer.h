// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H_
#define COHORT_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H_

// Torch-free.
#include <cstdint>
#include <functional>
#include <future>

#include "absl/status/status.h"

namespace cohort::learner {

// Writes checkpoints in a thread of its own while its owner goes on, one at a time and in order. The destructor waits
// for the one that is being written: a folder that is whole is worth more to whoever comes next than a moment. Not
// thread-safe.
//
//   writer.Start(version, [copy] { return SealAndRecord(copy); });
//   ...                               // train on
//   absl::Status last = writer.Finish();
class CheckpointWriter final {
 public:
  CheckpointWriter() = default;
  ~CheckpointWriter() { (void)Finish(); }
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Runs `write` in the other thread, once the write before has ended. What it uses must live until Finish.
  void Start(int64_t policy_version, std::function<absl::Status()> write);
  // A write has begun and not ended.
  bool IsBusy() const;
  // Waits until nothing is being written. The status of the newest write; OK when there was none.
  absl::Status Finish();
  // Newest version whose write is known to have ended well, as of Start or Finish; negative before the first.
  int64_t sealed_version() const { return sealed_version_; }

 private:
  std::future<absl::Status> writing_;
  int64_t version_ = -1;  // of the newest write
  absl::Status status_;   // of the newest write that ended
  int64_t sealed_version_ = -1;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_CHECKPOINT_WRITER_H_
