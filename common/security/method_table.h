// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_METHOD_TABLE_H_
#define COHORT_COMMON_SECURITY_METHOD_TABLE_H_

#include <string_view>
#include <vector>

#include "common/security/caller.h"

namespace cohort::security {

// Which roles besides admin may call a method. Pure data; docs/security.md has the same table.
struct MethodRow {
  std::string_view method;  // "/package.Service/Method"
  bool viewer = false;
  bool submitter = false;
  bool worker = false;
};

// Every method that any server of ours has, but for the health service.
const std::vector<MethodRow>& MethodTable();

// Whether a method needs no token: grpc.health.v1, for the probes of Kubernetes.
bool IsOpenToAll(std::string_view method);

// Whether a role may call a method. False for a method without a row, for admins too.
bool MayCall(Role role, std::string_view method);

// "viewer", "submitter", "worker", "admin".
std::string_view RoleName(Role role);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_METHOD_TABLE_H_
