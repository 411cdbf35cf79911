// SPDX-License-Identifier: Apache-2.0
#include "common/machine_memory.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/files.h"

namespace cohort::common {
namespace {

constexpr char kGroups[] = "/sys/fs/cgroup";

std::string Content(std::string_view root, std::string_view path) {
  const auto content = ReadFile(absl::StrCat(std::string(root), std::string(path)));
  return content.ok() ? *content : "";
}

// Bytes of the line "MemTotal:       16318412 kB" with that key; 0 without it.
int64_t BytesOfLine(const std::string& table, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(table, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t kibibytes = 0;
    if (words.size() >= 2 && words[0] == key && absl::SimpleAtoi(words[1], &kibibytes)) return kibibytes << 10;
  }
  return 0;
}

// The folder of each hierarchy that may limit memory, with the file that holds the limit; from /proc/self/cgroup:
// "0::/a/b" (version 2), "9:memory:/a/b" (version 1).
std::vector<std::string> LimitFiles(const std::string& self) {
  std::vector<std::string> files;
  for (const absl::string_view line : absl::StrSplit(self, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() < 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    const bool is_unified = parts[1].empty();
    if (!is_unified && std::count(controllers.begin(), controllers.end(), "memory") == 0) continue;
    const std::string mount = absl::StrCat(kGroups, is_unified ? "" : "/memory");
    const char* file = is_unified ? "/memory.max" : "/memory.limit_in_bytes";
    // A group is bounded by those above it, too. In a container the path may be one of the host's.
    std::string group(parts[2]);
    while (true) {
      files.push_back(absl::StrCat(mount, group == "/" ? "" : group, file));
      const size_t slash = group.rfind('/');
      if (slash == std::string::npos || group == "/" || group.empty()) break;
      group = group.substr(0, slash);
    }
  }
  return files;
}

}  // namespace

int64_t MachineMemoryBytes(std::string_view root) {
  int64_t bytes = BytesOfLine(Content(root, "/proc/meminfo"), "MemTotal:");
  for (const std::string& file : LimitFiles(Content(root, "/proc/self/cgroup"))) {
    int64_t limit = 0;
    // "max" is no number: no limit.
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(Content(root, file)), &limit) || limit <= 0) continue;
    if (bytes == 0 || limit < bytes) bytes = limit;
  }
  return bytes;
}

int64_t PeakResidentBytes(std::string_view root) { return BytesOfLine(Content(root, "/proc/self/status"), "VmHWM:"); }

}  // namespace cohort::common
