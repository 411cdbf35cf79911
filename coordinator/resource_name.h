// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RESOURCE_NAME_H_
#define COHORT_COORDINATOR_RESOURCE_NAME_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::coordinator {

// Resource names: namespaces/{namespace}/jobs/{id}. Both parts are ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$, so they are safe
// as folder names. Pure functions.

// INVALID_ARGUMENT names `field` and the id.
absl::Status CheckId(std::string_view field, std::string_view id);
// The namespace of a parent; empty stands for namespaces/default. INVALID_ARGUMENT names the field `parent`.
absl::StatusOr<std::string> ParseParent(std::string_view parent);
// INVALID_ARGUMENT names `field`.
absl::Status CheckJobName(std::string_view name, std::string_view field = "name");

// namespaces/{namespace}/jobs/{id}/checkpoints/{version}.
struct CheckpointName {
  std::string job;
  int64_t version = kLatest;
  static constexpr int64_t kLatest = -1;  // "latest" in the place of the version
};
// INVALID_ARGUMENT names the field `name`.
absl::StatusOr<CheckpointName> ParseCheckpointName(std::string_view name);

std::string JobName(std::string_view name_space, std::string_view id);
// Parts of a checked job name.
std::string NamespaceOf(std::string_view job);
std::string JobIdOf(std::string_view job);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RESOURCE_NAME_H_
