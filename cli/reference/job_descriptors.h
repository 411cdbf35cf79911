// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_REFERENCE_JOB_DESCRIPTORS_H_
#define COHORT_CLI_REFERENCE_JOB_DESCRIPTORS_H_

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::cli {

// The descriptors of a job file with their comments, which the compiled ones lack. Immutable, thread-safe.
class JobDescriptors final {
 public:
  // From the file that `protoc --descriptor_set_out --include_imports --include_source_info` makes of job.proto.
  static absl::StatusOr<std::unique_ptr<JobDescriptors>> Load(std::string_view path);

  // JobSpec; lives as long as this.
  const google::protobuf::Descriptor& root() const { return *root_; }

 private:
  JobDescriptors() = default;

  google::protobuf::DescriptorPool pool_;
  const google::protobuf::Descriptor* root_ = nullptr;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_REFERENCE_JOB_DESCRIPTORS_H_
