// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STORAGE_TROUBLE_H_
#define COHORT_COORDINATOR_STORAGE_TROUBLE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cohort::coordinator {

// What a caller is told when store, log or files of the coordinator fail it (a full disk, say): UNAVAILABLE, so that
// workers and ranks ask again instead of taking the fault on themselves. `what`: "store the group".
inline absl::Status StorageTrouble(std::string_view what, const absl::Status& cause) {
  return absl::UnavailableError(
      absl::StrCat("the coordinator cannot ", std::string(what), " now: ", cause.message(), "; try again"));
}

// The same for reads, where lost or damaged data keeps its code: asking again would not bring it back.
inline absl::Status ReadTrouble(std::string_view what, const absl::Status& cause) {
  if (cause.ok() || absl::IsDataLoss(cause) || absl::IsNotFound(cause)) return cause;
  return StorageTrouble(what, cause);
}

// Asking again would meet the same fault: the job's files or rows are not what they must be. Anything else (a file that
// is gone, a disk that does not answer) may come back.
inline bool IsFaultOfJob(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) || absl::IsDataLoss(status) ||
         absl::IsOutOfRange(status);
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STORAGE_TROUBLE_H_
