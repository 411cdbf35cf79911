// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_COMPLETION_H_
#define COHORT_CLI_COMPLETION_H_

#include <string>
#include <vector>

#include "cli/console.h"

namespace cohort::cli {

// Answers the script of a shell (completion_script.h): what may stand in the place of the last of `words`. Job ids and
// contexts are those of the server and the file that the words before name; a server that says nothing within a second
// has none. Never fails: who presses a key wants no error message.
void AnswerShell(const std::vector<std::string>& words, const Console& console);

}  // namespace cohort::cli

#endif  // COHORT_CLI_COMPLETION_H_
