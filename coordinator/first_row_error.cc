// SPDX-License-Identifier: Apache-2.0
#include "coordinator/first_row_error.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace cohort::coordinator {

absl::Status FirstRowError(int64_t num_rows, int num_threads, const std::function<absl::Status(int64_t row)>& check) {
  absl::Mutex mutex;
  int64_t bad_row = num_rows;
  absl::Status error;
  std::atomic<int64_t> next_row{0};
  std::atomic<bool> is_bad{false};
  // Rows are taken in order, so every row below a bad one has been taken when it is found and is checked to the end.
  const auto work = [&] {
    while (!is_bad) {
      const int64_t row = next_row++;
      if (row >= num_rows) return;
      const absl::Status status = check(row);
      if (status.ok()) continue;
      is_bad = true;
      absl::MutexLock lock(&mutex);
      if (row >= bad_row) continue;
      bad_row = row;
      error = status;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < num_threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return error;
}

}  // namespace cohort::coordinator
