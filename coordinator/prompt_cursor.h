// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PROMPT_CURSOR_H_
#define COHORT_COORDINATOR_PROMPT_CURSOR_H_

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::coordinator {

// The order in which a job takes the rows of its dataset: every epoch is a permutation of all rows, a pure function of
// (seed, epoch). Position n of the job is row PromptAt(n); nothing has to be stored to go on after a restart. Keeps the
// newest epoch's permutation in memory, 4 bytes a row. Thread-safe.
class PromptCursor final {
 public:
  struct Prompt {
    int64_t epoch = 0;
    int64_t row = 0;
  };

  // 0 < `num_rows` < 2^32.
  PromptCursor(int64_t seed, int64_t num_rows);

  Prompt PromptAt(int64_t position);

 private:
  const int64_t seed_;
  const int64_t num_rows_;
  absl::Mutex mutex_;
  int64_t epoch_ ABSL_GUARDED_BY(mutex_) = -1;
  std::vector<uint32_t> rows_ ABSL_GUARDED_BY(mutex_);
};

// The permutation of one epoch: a Fisher-Yates shuffle whose draws are Philox words of (position, epoch) under the
// seed.
std::vector<uint32_t> ShuffledRows(int64_t seed, int64_t epoch, int64_t num_rows);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PROMPT_CURSOR_H_
