// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_SUPERVISOR_H_
#define COHORT_CLI_SUPERVISOR_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/child_process.h"
#include "common/clock.h"

namespace cohort::cli {

// Keeps children running: one that ends is started again, at once after exit code kExitRejoin, else after a delay that
// doubles from 0.25 s to 4 s while it keeps dying young. One that exits with kExitRejoin lost a peer: it is started
// again at once, from the second time in a row after 0.25 s, and never given up for it. A child that refuses its
// arguments (kExitUsage) or dies young more than six times in a row is given up. Not thread-safe, and children die with
// the thread that runs Start and Tick. The destructor kills what still runs.
class Supervisor final {
 public:
  // `on_message` gets one sentence for people per restart. `clock` must outlive the supervisor.
  Supervisor(common::Clock* clock, std::function<void(std::string_view)> on_message);

  absl::Status Start(const ChildCommand& command);
  // What a later restart of the child of this name runs.
  void ReplaceCommand(const ChildCommand& command);
  // INTERNAL as from Tick when any child has ended; restarts nothing.
  absl::Status CheckRunning();
  // Reaps and restarts what is due. INTERNAL with exit, log path and the log's last complaint when a child is given up.
  absl::Status Tick();
  // SIGTERM to every child whose name starts with `prefix`, then waits; SIGKILL after `patience`. They are not
  // restarted.
  void Drain(std::string_view prefix, absl::Duration patience);
  // Process ids of the running children by name, for tests.
  std::vector<std::pair<std::string, pid_t>> Running();

 private:
  struct Child {
    ChildCommand command;
    std::unique_ptr<ChildProcess> running;  // null while waiting for its restart
    int64_t log_start_bytes = 0;            // where the log of this life begins
    absl::Duration started_at;
    absl::Duration restart_at;
    int early_deaths = 0;
    bool last_exit_was_rejoin = false;
    bool is_draining = false;
  };

  static absl::Status GivenUp(const Child& child, const ChildExit& exit);
  absl::Status HandleExit(Child& child, const ChildExit& exit);

  common::Clock* const clock_;
  const std::function<void(std::string_view)> on_message_;
  std::vector<Child> children_;
};

// The last line of a log from `first_byte` on that speaks of an error, else its last line; of a structured line, its
// reason. Empty when there is none.
std::string LastComplaint(const std::string& log_path, int64_t first_byte = 0);

}  // namespace cohort::cli

#endif  // COHORT_CLI_SUPERVISOR_H_
