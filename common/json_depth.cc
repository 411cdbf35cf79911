// SPDX-License-Identifier: Apache-2.0
#include "common/json_depth.h"

#include "absl/strings/str_cat.h"
#include "common/utf8.h"

namespace cohort::common {

size_t FindTooDeep(std::string_view json, int max_depth) {
  int depth = 0;
  bool is_in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') is_in_string = !is_in_string;
    if (is_in_string && c == '\\') ++i;
    if (is_in_string) continue;
    if ((c == '[' || c == '{') && ++depth > max_depth) return i;
    if (c == ']' || c == '}') --depth;
  }
  return std::string_view::npos;
}

absl::Status CheckJsonDepth(std::string_view json) {
  constexpr size_t kShownBytes = 80;
  if (FindTooDeep(json) == std::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("nested too deeply, more than ", kMaxJsonDepth, " levels (", Printable(json, kShownBytes), ")"));
}

}  // namespace cohort::common
