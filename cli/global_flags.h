// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_GLOBAL_FLAGS_H_
#define COHORT_CLI_GLOBAL_FLAGS_H_

#include "cli/verbs.h"

namespace cohort::cli {

// The flags that stand before or behind every verb. Once the command line is parsed and before a verb runs, what
// neither flags nor environment say is taken from the context. The targets must outlive the app.
void AddGlobalFlags(CLI::App& app, VerbContext& context);

}  // namespace cohort::cli

#endif  // COHORT_CLI_GLOBAL_FLAGS_H_
