// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_DOC_REFERENCES_H_
#define COHORT_TESTS_ARCHITECTURE_DOC_REFERENCES_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/architecture/source_tree.h"

namespace cohort::tests {

// What a page points to: relative links "](path#part)" with their parts, quoted Bazel labels "`//room:target`", quoted
// files of the rooms ("`reward/score.h`"), and quoted paths of docs, tools, examples, tests and proto. One sentence for
// each that does not exist. `exists` answers for paths relative to the root; `has_anchor` for (page, anchor);
// `has_target` for (package, target). Pure but for the three.
std::vector<std::string> CheckReferences(const SourceFile& page, const std::function<bool(const std::string&)>& exists,
                                         const std::function<bool(const std::string&, const std::string&)>& has_anchor,
                                         const std::function<bool(const std::string&, const std::string&)>& has_target);

// Anchors of the headings of a page, as GitHub makes them: "## Roles, and who" is "roles-and-who".
std::set<std::string> AnchorsOf(const std::string& text);

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_DOC_REFERENCES_H_
