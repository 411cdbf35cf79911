// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_END_TO_END_REAL_BINARIES_H_
#define COHORT_TESTS_END_TO_END_REAL_BINARIES_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/child_process.h"

namespace cohort::tests {

// Path of a binary in the test's runfiles: "cli/cohortctl".
std::string Binary(const std::string& name);

// A program that ran to its end.
struct Finished {
  cli::ChildExit exit;
  // Standard output and error together.
  std::string text;
};

// One program under test with its output in a file. Not thread-safe; the program dies with the test.
class RunningProgram final {
 public:
  // `log_path` must not exist.
  RunningProgram(const std::vector<std::string>& argv, const std::string& log_path);

  void Signal(int signal) { child_->Signal(signal); }
  bool HasEnded() { return child_->Poll().has_value(); }
  // Waits; a program that takes longer than three minutes is killed.
  Finished Finish();
  std::string Text() const;
  // Process id of the child whose command line has this argument; 0 when there is none.
  pid_t ChildWith(const std::string& argument) const;

 private:
  const std::string log_path_;
  std::unique_ptr<cli::ChildProcess> child_;
};

// Runs a program to its end.
Finished RunProgram(const std::vector<std::string>& argv, const std::string& log_path);

// Looks until `condition` holds; false after three minutes or when `give_up` says so.
bool WaitUntil(
    const std::function<bool()>& condition, const std::function<bool()>& give_up = [] { return false; });

bool IsAlive(pid_t pid);

std::string ReadText(const std::string& path);
// What a process has written into its --address_file behind "<key>=" ("grpc", "http"): host:port; empty while it is not
// there.
std::string AddressIn(const std::string& address_file, const std::string& key);
void WriteText(const std::string& path, const std::string& text);

}  // namespace cohort::tests

#endif  // COHORT_TESTS_END_TO_END_REAL_BINARIES_H_
