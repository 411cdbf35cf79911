// SPDX-License-Identifier: Apache-2.0
#include "coordinator/resource_name.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/field_error.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxIdBytes = 63;

bool IsId(std::string_view id) {
  if (id.empty() || id.size() > kMaxIdBytes || !absl::ascii_islower(id.front()) || id.back() == '-') return false;
  for (const char c : id) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
  }
  return true;
}

std::vector<std::string> Parts(std::string_view name) {
  return absl::StrSplit(absl::string_view(name.data(), name.size()), '/');
}

bool IsJobName(const std::vector<std::string>& parts) {
  return parts.size() == 4 && parts[0] == "namespaces" && IsId(parts[1]) && parts[2] == "jobs" && IsId(parts[3]);
}

}  // namespace

absl::Status CheckId(std::string_view field, std::string_view id) {
  if (IsId(id)) return absl::OkStatus();
  return common::InvalidField(field, id, "must match ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$");
}

absl::StatusOr<std::string> ParseParent(std::string_view parent) {
  if (parent.empty()) return std::string("default");
  const auto parts = Parts(parent);
  if (parts.size() != 2 || parts[0] != "namespaces" || !IsId(parts[1])) {
    return common::InvalidField("parent", parent, "must be namespaces/{namespace}");
  }
  return parts[1];
}

absl::Status CheckJobName(std::string_view name, std::string_view field) {
  if (IsJobName(Parts(name))) return absl::OkStatus();
  return common::InvalidField(field, name, "must be namespaces/{namespace}/jobs/{id}");
}

absl::StatusOr<CheckpointName> ParseCheckpointName(std::string_view name) {
  std::vector<std::string> parts = Parts(name);
  CheckpointName parsed;
  const std::string version = parts.back();
  // One spelling of a number: no sign, no leading zero.
  const bool is_version = version == "latest" || (absl::SimpleAtoi(version, &parsed.version) && parsed.version >= 0 &&
                                                  version == absl::StrCat(parsed.version));
  const bool is_checkpoint = parts.size() == 6 && parts[4] == "checkpoints" && is_version;
  if (is_checkpoint) parts.resize(4);
  if (!is_checkpoint || !IsJobName(parts)) {
    return common::InvalidField("name", name,
                                "must be namespaces/{namespace}/jobs/{id}/checkpoints/{version or latest}");
  }
  parsed.job = JobName(parts[1], parts[3]);
  return parsed;
}

std::string JobName(std::string_view name_space, std::string_view id) {
  return absl::StrCat("namespaces/", std::string(name_space), "/jobs/", std::string(id));
}

std::string NamespaceOf(std::string_view job) { return Parts(job)[1]; }

std::string JobIdOf(std::string_view job) { return Parts(job)[3]; }

}  // namespace cohort::coordinator
