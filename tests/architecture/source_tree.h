// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_SOURCE_TREE_H_
#define COHORT_TESTS_ARCHITECTURE_SOURCE_TREE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::tests {

// A file of the checkout; `path` is relative to its root.
struct SourceFile {
  std::string path;
  std::string text;
};

// The root of the checkout that the test was built from, found through a file of it in the runfiles. Only for tests
// with the tags "local" and "external": their result depends on files that Bazel does not know.
absl::StatusOr<std::string> FindSourceRoot();

// Every file of the rooms, sorted by path; hidden files and Python's caches are left out.
absl::StatusOr<std::vector<SourceFile>> ReadRooms(const std::string& root);

bool HasExtension(const SourceFile& file, std::string_view extension);
// .h .cc .cu .cuh
bool IsCode(const SourceFile& file);

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_SOURCE_TREE_H_
