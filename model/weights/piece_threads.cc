// SPDX-License-Identifier: Apache-2.0
#include "model/weights/piece_threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace cohort::model {

int NumPieceThreads() {
  constexpr int kMaxThreads = 16;  // memory bandwidth is used up by then
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return 1;
  return std::clamp(CPU_COUNT(&processors), 1, kMaxThreads);
}

absl::Status ForEachPiece(int64_t num_pieces, int num_threads, const std::function<absl::Status(int64_t piece)>& work) {
  absl::Mutex mutex;
  int64_t bad_piece = num_pieces;
  absl::Status error;
  std::atomic<int64_t> next_piece{0};
  std::atomic<bool> is_bad{false};
  // Pieces are taken in order, so every piece below a bad one has been taken when it is found and is done to the end.
  const auto take_pieces = [&] {
    while (!is_bad) {
      const int64_t piece = next_piece++;
      if (piece >= num_pieces) return;
      const absl::Status status = work(piece);
      if (status.ok()) continue;
      is_bad = true;
      const absl::MutexLock lock(&mutex);
      if (piece >= bad_piece) continue;
      bad_piece = piece;
      error = status;
    }
  };
  std::vector<std::thread> threads;
  const int64_t num_wanted = std::min<int64_t>(num_threads, num_pieces);
  try {
    while (static_cast<int64_t>(threads.size()) + 1 < num_wanted) threads.emplace_back(take_pieces);
  } catch (const std::system_error&) {
    // The system has no more threads: those that there are do all of it.
  }
  take_pieces();
  for (std::thread& thread : threads) thread.join();
  return error;
}

}  // namespace cohort::model
