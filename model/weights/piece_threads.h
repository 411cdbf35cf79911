// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_PIECE_THREADS_H_
#define COHORT_MODEL_WEIGHTS_PIECE_THREADS_H_

// Torch-free.
#include <cstdint>
#include <functional>

#include "absl/status/status.h"

namespace cohort::model {

// Threads that copying or filling large tensors is worth: the processors of this process, at most 16.
int NumPieceThreads();

// Calls `work` for the pieces 0 to `num_pieces` - 1 on up to `num_threads` threads, this one included, and returns when
// all calls have. `work` must be thread-safe. Once a piece has failed no further ones are begun; the error is the one
// of the lowest piece that failed, as it would be on one thread.
absl::Status ForEachPiece(int64_t num_pieces, int num_threads, const std::function<absl::Status(int64_t piece)>& work);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_PIECE_THREADS_H_
