// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_DOC_REFERENCES_H_
#define COHORT_TESTS_ARCHITECTURE_DOC_REFERENCES_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/architecture/source_tree.h"

namespace cohort::tests {

// What a page points to: relative links "](path)", quoted Bazel labels "`//room:target`", and quoted paths of the rooms
// and of docs, tools, examples ("`tools/setup.sh`"). One sentence for each that does not exist. `exists` answers for
// paths relative to the root; `has_target` for (package, target). Pure but for the two.
std::vector<std::string> CheckReferences(const SourceFile& page, const std::function<bool(const std::string&)>& exists,
                                         const std::function<bool(const std::string&, const std::string&)>& has_target);

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_DOC_REFERENCES_H_
