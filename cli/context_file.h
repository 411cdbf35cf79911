// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_CONTEXT_FILE_H_
#define COHORT_CLI_CONTEXT_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/client_contexts.pb.h"

namespace cohort::cli {

// Where the context file is: COHORT_CONFIG, else cohort/contexts.yaml below XDG_CONFIG_HOME, else below ~/.config.
// Empty when the environment has none of these and no HOME.
std::string ContextFilePath();

// Reads it, strictly; no file is no contexts. PERMISSION_DENIED when others may write it: whoever does sends tokens
// where they like. INVALID_ARGUMENT names file, line and field.
absl::StatusOr<cohort::v1::ClientContexts> LoadContexts(std::string_view path);

// Replaces it, readable by its owner alone; a crash leaves the old file or the new. Makes its folder.
absl::Status SaveContexts(std::string_view path, const cohort::v1::ClientContexts& contexts);

// INVALID_ARGUMENT for a name that is no letters, digits, ".", "_" and "-".
absl::Status CheckContextName(std::string_view name);

// Why no server can be there; empty when one can. What CLI11 prints behind a flag.
std::string ServerComplaint(const std::string& address);

}  // namespace cohort::cli

#endif  // COHORT_CLI_CONTEXT_FILE_H_
