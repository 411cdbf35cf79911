// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_ROOM_TABLE_H_
#define COHORT_TESTS_ARCHITECTURE_ROOM_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

namespace cohort::tests {

// One row of the table of rooms in docs/architecture.md.
struct Room {
  std::string name;
  // Rooms whose headers it may include, besides its own.
  std::vector<std::string> may_include_rooms;
  // Headers of further rooms it may include, by the beginning of their path.
  std::vector<std::string> may_include_headers;
  // No file that it reaches may include LibTorch or CUDA.
  bool is_torch_free = false;
};

const std::vector<Room>& Rooms();

// Headers from outside that only some places may include directly. All are given by the beginning of their path.
struct ExternalRule {
  std::string name;
  std::vector<std::string> headers;
  std::vector<std::string> allowed_in;
  // Tests and benchmarks of any room may include them too.
  bool allowed_in_tests = false;
};

const std::vector<ExternalRule>& ExternalRules();

inline constexpr std::string_view kTorchRule = "LibTorch";

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_ROOM_TABLE_H_
