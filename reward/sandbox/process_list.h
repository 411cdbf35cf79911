// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_PROCESS_LIST_H_
#define COHORT_REWARD_SANDBOX_PROCESS_LIST_H_

#include <sys/types.h>

#include <vector>

namespace cohort::reward {

// One process as /proc/<pid>/stat has it; a zombie too.
struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
};

// Every process that can be seen, in no order; those that come or go meanwhile may be missing. Empty without /proc.
std::vector<ProcessEntry> ListProcesses();

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_PROCESS_LIST_H_
