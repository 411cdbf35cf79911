// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_EXIT_CODES_H_
#define COHORT_COMMON_EXIT_CODES_H_

namespace cohort::common {

// Exit codes of every binary; documented in docs/operations/exit_codes.md.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
// Bad flags or arguments.
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitTimeout = 4;
// A job ended in a state other than SUCCEEDED.
inline constexpr int kExitJobFailed = 5;
// A job was paused, and nothing here resumes it.
inline constexpr int kExitJobPaused = 6;
// The gang was dissolved: start the rank again and it rejoins.
inline constexpr int kExitRejoin = 75;

}  // namespace cohort::common

#endif  // COHORT_COMMON_EXIT_CODES_H_
