// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_CLOSEST_NAME_H_
#define COHORT_COMMON_CONFIG_CLOSEST_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace cohort::common {

// The name with the smallest edit distance, the first of equals; empty when none is near enough to be a typing error.
std::string ClosestName(std::string_view name, const std::vector<std::string>& known_names);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_CLOSEST_NAME_H_
