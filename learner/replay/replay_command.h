// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_REPLAY_REPLAY_COMMAND_H_
#define COHORT_LEARNER_REPLAY_REPLAY_COMMAND_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace cohort::learner {

// What `cohort-learner replay` is told.
struct ReplayFlags {
  std::string run;                      // folder of a job
  std::string steps;                    // "7" or "3-9"; empty: all
  std::vector<std::string> objectives;  // preset names, or YAML files with an ObjectiveSpec; empty: the record's alone
  std::string failure;                  // folder of a failed step, instead of steps and objectives
  std::string device = "cpu";
  int threads = 1;
};

// The subcommand, whose parse fills `flags`; both must outlive the parse.
CLI::App* AddReplayCommand(CLI::App* app, ReplayFlags* flags);

// Runs it; the table goes to `out` as it is computed. Without objectives the run is proved to be what its record says:
// FAILED_PRECONDITION names the first step whose weights come out otherwise. With a failed step the report of it goes
// to `out`, and FAILED_PRECONDITION says that it was not met again. INVALID_ARGUMENT names the flag; others as Replay
// and ReplayFailure.
absl::Status RunReplayCommand(const ReplayFlags& flags, std::ostream& out);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_REPLAY_REPLAY_COMMAND_H_
