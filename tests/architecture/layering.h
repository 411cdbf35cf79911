// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_LAYERING_H_
#define COHORT_TESTS_ARCHITECTURE_LAYERING_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/architecture/source_tree.h"

namespace cohort::tests {

// Pure functions over file texts; an empty answer means that all is well, otherwise there is one sentence per
// violation.

// Paths of #include lines, quoted or in angle brackets, in order.
std::vector<std::string> IncludesOf(std::string_view text);

// Direct includes held against the rooms and the external rules.
std::vector<std::string> CheckIncludes(const SourceFile& file);

// Nothing that a torch-free room reaches through headers of ours includes LibTorch. Names the chain of includes.
std::vector<std::string> CheckTorchFree(const std::vector<SourceFile>& files);

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_LAYERING_H_
