// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_FILE_RULES_H_
#define COHORT_TESTS_ARCHITECTURE_FILE_RULES_H_

#include <string>
#include <vector>

#include "tests/architecture/source_tree.h"

namespace cohort::tests {

// House rules that a machine can hold one file against; one sentence per violation, none when all is well.

// Code and protos begin with the SPDX line.
std::vector<std::string> CheckLicenseLine(const SourceFile& file);

// A header's guard is its path: common/files.h has COHORT_COMMON_FILES_H_.
std::vector<std::string> CheckGuard(const SourceFile& file);

// At most 150 lines in a header, 300 in other code, unless the comment at the head has a line "// Size: why".
std::vector<std::string> CheckSize(const SourceFile& file);

// No word in a file's or folder's name that says nothing: util, helper, misc, manager and their kin.
std::vector<std::string> CheckName(const SourceFile& file);

// The first line of a room's README.md is its rule, one sentence.
std::vector<std::string> CheckReadme(const SourceFile& file);

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_FILE_RULES_H_
