// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_CALLER_H_
#define COHORT_COMMON_SECURITY_CALLER_H_

#include <set>
#include <string>
#include <string_view>

namespace cohort::security {

// What a caller may do; the methods of each are in method_table.h.
enum class Role { kViewer, kSubmitter, kWorker, kAdmin };

// Who calls, as far as its token says. A value; the default is a caller of a server that asks for no token, who may do
// and see everything.
struct Caller {
  Role role = Role::kAdmin;
  // Sees every namespace; `namespaces` is empty then.
  bool sees_all = true;
  std::set<std::string, std::less<>> namespaces;
  // Tells one token from another without giving it away; empty where none is asked for.
  std::string identity;

  bool MaySee(std::string_view name_space) const { return sees_all || namespaces.find(name_space) != namespaces.end(); }
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_CALLER_H_
