// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_CLOCK_ALIGNMENT_H_
#define COHORT_CLI_CLOCK_ALIGNMENT_H_

#include <map>
#include <string>

#include "absl/time/time.h"

namespace cohort::cli {

// How much must be added to the times of each process so that they are times of the coordinator. What went to a process
// came there after it was sent, and what came back was sent before it came: every message bounds the shift from one
// side. A clock within the bounds is left as it is; another one is moved as little as the bounds want. Not thread-safe.
class ClockAlignment final {
 public:
  // At `time` of the process something had come that the coordinator sent at `sent`.
  void AddReceipt(const std::string& process, absl::Time time, absl::Time sent);
  // At `time` of the process it had not sent yet what the coordinator got at `arrived`.
  void AddSending(const std::string& process, absl::Time time, absl::Time arrived);

  // 0 for a process without messages. Where the bounds contradict each other (a clock that was set meanwhile) nothing
  // ends after it has come.
  absl::Duration ShiftOf(const std::string& process) const;
  // By how much the shift may be wrong at most; infinite where messages bound it from one side only.
  absl::Duration UncertaintyOf(const std::string& process) const;

 private:
  struct Bounds {
    absl::Duration at_least = -absl::InfiniteDuration();
    absl::Duration at_most = absl::InfiniteDuration();
  };
  Bounds BoundsOf(const std::string& process) const;

  std::map<std::string, Bounds> bounds_;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_CLOCK_ALIGNMENT_H_
