// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_MANIFEST_TEXT_H_
#define COHORT_COORDINATOR_TESTING_MANIFEST_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/sha256.h"

namespace cohort::coordinator {

// What a rank leaves as manifest.json of a sealed checkpoint. Pure.
//
// One of its files.
inline std::string ManifestEntry(const std::string& name, const std::string& content) {
  return absl::StrCat(R"({"name": ")", name, R"(", "size_bytes": )", content.size(), R"(, "sha256": ")",
                      common::HexOf(common::Sha256Of(content)), "\"}");
}
// The whole, of such entries; `weight_digest` is in hexadecimal.
inline std::string ManifestText(int64_t policy_version, const std::vector<std::string>& entries,
                                const std::string& weight_digest = "ab") {
  return absl::StrCat(R"({"format_version": 1, "policy_version": )", policy_version, R"(, "weight_digest": ")",
                      weight_digest, R"(", "files": [)", absl::StrJoin(entries, ", "), "]}");
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_MANIFEST_TEXT_H_
