// SPDX-License-Identifier: Apache-2.0
#include "cli/reference/job_descriptors.h"

#include <google/protobuf/descriptor.pb.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::cli {

absl::StatusOr<std::unique_ptr<JobDescriptors>> JobDescriptors::Load(std::string_view path) {
  COHORT_ASSIGN_OR_RETURN(const std::string bytes, common::ReadFile(path));
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat("not a set of descriptors (", std::string(path), ")"));
  }
  std::unique_ptr<JobDescriptors> self(new JobDescriptors);
  for (const auto& file : files.file()) {
    if (self->pool_.BuildFile(file) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("a file cannot be linked (", file.name(), ")"));
    }
  }
  self->root_ = self->pool_.FindMessageTypeByName("cohort.v1.JobSpec");
  if (self->root_ == nullptr) return absl::NotFoundError(absl::StrCat("no JobSpec in ", std::string(path)));
  return self;
}

}  // namespace cohort::cli
