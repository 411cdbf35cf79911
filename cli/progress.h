// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_PROGRESS_H_
#define COHORT_CLI_PROGRESS_H_

#include <string>

#include "absl/time/time.h"
#include "cli/console.h"
#include "cli/run_record.h"

namespace cohort::cli {

// What is known of a job in one line: step, reward, accuracy (loss for SFT), tokens/s of workers and learner, ETA. A
// pure function.
std::string ProgressText(const JobHistory& history, absl::Time now);

// "0:07", "12:34", "1:02:03".
std::string ClockText(absl::Duration duration);
// "950", "12.3k", "1.2M".
std::string CountText(double count);

// Shows progress on a console: one line drawn over and over on a terminal, else a plain line when something moved and
// `plain_interval` has passed. Not thread-safe.
class ProgressLine final {
 public:
  ProgressLine(const Console& console, absl::Duration plain_interval);

  // `is_final`: the line stays.
  void Show(const std::string& text, absl::Time now, bool is_final = false);
  // Removes the drawn line, so that a message can be written.
  void Clear();

 private:
  const Console console_;
  const absl::Duration plain_interval_;
  absl::Time last_plain_ = absl::InfinitePast();
  std::string last_text_;
  bool is_drawn_ = false;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_PROGRESS_H_
