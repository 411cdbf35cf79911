// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_COMPLETION_SCRIPT_H_
#define COHORT_CLI_COMPLETION_SCRIPT_H_

#include <string>

namespace cohort::cli {

// The verb that is none: what the scripts ask for the words that may stand where the cursor is.
inline constexpr char kCompleteWord[] = "__complete";
// Its answer when a file or folder is wanted; else it is a word, a tab and a description, one a line.
inline constexpr char kFilesAnswer[] = ":files";

// What a shell ("bash", "zsh", "fish") reads so that it completes cohortctl's command lines; empty for another shell.
std::string CompletionScript(const std::string& shell);

}  // namespace cohort::cli

#endif  // COHORT_CLI_COMPLETION_SCRIPT_H_
