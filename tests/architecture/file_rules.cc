// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/file_rules.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cohort::tests {
namespace {

constexpr char kLicenseLine[] = "// SPDX-License-Identifier: Apache-2.0\n";
constexpr std::array<std::string_view, 10> kBannedWords = {"util",    "utils", "utility", "utilities", "helper",
                                                           "helpers", "misc",  "manager", "managers",  "toolbox"};

std::string GuardOf(const std::string& path) {
  std::string guard = absl::StrCat("COHORT_", absl::AsciiStrToUpper(path), "_");
  std::replace_if(
      guard.begin(), guard.end(), [](char c) { return !absl::ascii_isalnum(c); }, '_');
  return guard;
}

bool HasSizeReason(const std::string& text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "// Size: ")) return true;
    const bool is_head = absl::StartsWith(line, "//") || line.empty() || absl::StartsWith(line, "#ifndef COHORT_") ||
                         absl::StartsWith(line, "#define COHORT_");
    if (!is_head) return false;
  }
  return false;
}

}  // namespace

std::vector<std::string> CheckLicenseLine(const SourceFile& file) {
  if (!IsCode(file) && !HasExtension(file, ".proto")) return {};
  if (absl::StartsWith(file.text, kLicenseLine)) return {};
  return {absl::StrCat(file.path, ": the first line must be the SPDX line")};
}

std::vector<std::string> CheckGuard(const SourceFile& file) {
  if (!HasExtension(file, ".h") && !HasExtension(file, ".cuh")) return {};
  const std::string guard = GuardOf(file.path);
  const bool opens = absl::StrContains(file.text, absl::StrCat("\n#ifndef ", guard, "\n#define ", guard, "\n"));
  const bool closes = absl::EndsWith(file.text, absl::StrCat("\n#endif  // ", guard, "\n"));
  if (opens && closes) return {};
  return {absl::StrCat(file.path, ": the guard must be ", guard)};
}

std::vector<std::string> CheckSize(const SourceFile& file) {
  if (!IsCode(file) || HasSizeReason(file.text)) return {};
  const auto num_lines = std::count(file.text.begin(), file.text.end(), '\n');
  const int most = HasExtension(file, ".h") || HasExtension(file, ".cuh") ? 150 : 300;
  if (num_lines <= most) return {};
  return {absl::StrCat(file.path, ": ", num_lines, " lines, at most ", most)};
}

std::vector<std::string> CheckName(const SourceFile& file) {
  for (const absl::string_view word : absl::StrSplit(file.path, absl::ByAnyChar("/_-."))) {
    const std::string lower = absl::AsciiStrToLower(word);
    if (std::find(kBannedWords.begin(), kBannedWords.end(), lower) != kBannedWords.end()) {
      return {absl::StrCat(file.path, ": says nothing (", lower, ")")};
    }
  }
  return {};
}

std::vector<std::string> CheckReadme(const SourceFile& file) {
  const std::string line = file.text.substr(0, file.text.find('\n'));
  if (line.size() > 20 && line[0] != '#' && absl::EndsWith(line, ".")) return {};
  return {absl::StrCat(file.path, ": the first line must be the room's rule, one sentence (", line, ")")};
}

}  // namespace cohort::tests
