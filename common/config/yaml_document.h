// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_YAML_DOCUMENT_H_
#define COHORT_COMMON_CONFIG_YAML_DOCUMENT_H_

#include <yaml-cpp/yaml.h>

#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::common {

// The one document of a YAML text. INVALID_ARGUMENT "file:line: why" for invalid YAML, an empty text, a second
// document, and what a configuration needs least: aliases (a few lines can stand for gigabytes) and type tags.
absl::StatusOr<YAML::Node> ParseYamlDocument(std::string_view yaml, std::string_view file_name);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_YAML_DOCUMENT_H_
