// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_FIRST_ROW_ERROR_H_
#define COHORT_COORDINATOR_FIRST_ROW_ERROR_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"

namespace cohort::coordinator {

// Checks the rows 0 to num_rows - 1 in `num_threads` threads and returns the error of the lowest bad row, as a loop in
// order would, without looking far beyond it. `check` must be thread-safe.
absl::Status FirstRowError(int64_t num_rows, int num_threads, const std::function<absl::Status(int64_t row)>& check);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_FIRST_ROW_ERROR_H_
