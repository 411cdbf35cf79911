// SPDX-License-Identifier: Apache-2.0
// bazel run //cli/reference:write_job_reference: writes docs/schema/job.schema.json and docs/configuration.md anew.
#include <cstdlib>
#include <iostream>
#include <string>

#include "cli/reference/job_descriptors.h"
#include "cli/reference/job_reference.h"
#include "cli/reference/job_schema.h"
#include "common/exit_codes.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

absl::Status Write(const std::string& descriptors_path, const std::string& root) {
  COHORT_ASSIGN_OR_RETURN(const auto descriptors, JobDescriptors::Load(descriptors_path));
  COHORT_RETURN_IF_ERROR(
      common::WriteFileAtomically(root + "/docs/schema/job.schema.json", JobSchema(descriptors->root())));
  return common::WriteFileAtomically(root + "/docs/configuration.md", JobReference(descriptors->root()));
}

}  // namespace
}  // namespace cohort::cli

int main(int argc, char** argv) {
  const char* root = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  if (argc != 2 || root == nullptr) {
    std::cerr << "run it by bazel run //cli/reference:write_job_reference\n";
    return cohort::common::kExitUsage;
  }
  const absl::Status status = cohort::cli::Write(argv[1], root);
  if (status.ok()) return cohort::common::kExitOk;
  std::cerr << std::string(status.message()) << "\n";
  return cohort::common::kExitFailure;
}
