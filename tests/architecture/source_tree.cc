// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/source_tree.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "tests/architecture/room_table.h"

namespace cohort::tests {
namespace {

namespace fs = std::filesystem;

bool IsLeftOut(const fs::path& path) {
  const std::string name = path.filename().string();
  return name[0] == '.' || name == "__pycache__" || path.extension() == ".pyc";
}

}  // namespace

absl::StatusOr<std::string> FindSourceRoot() {
  const char* runfiles = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (runfiles == nullptr || workspace == nullptr) return absl::FailedPreconditionError("not run by bazel test");
  std::error_code error;
  const fs::path anchor = fs::canonical(fs::path(runfiles) / workspace / "LICENSE", error);
  if (error) return absl::NotFoundError(absl::StrCat("LICENSE in the runfiles: ", error.message()));
  return anchor.parent_path().string();
}

absl::StatusOr<std::vector<SourceFile>> ReadRooms(const std::string& root) {
  std::vector<SourceFile> files;
  for (const Room& room : Rooms()) {
    std::error_code error;
    fs::recursive_directory_iterator entry(fs::path(root) / room.name, error), end;
    if (error) return absl::NotFoundError(absl::StrCat(room.name, ": ", error.message()));
    for (; entry != end; ++entry) {
      if (IsLeftOut(entry->path())) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file()) {
        COHORT_ASSIGN_OR_RETURN(std::string text, common::ReadFile(entry->path().string()));
        files.push_back({entry->path().lexically_relative(root).string(), std::move(text)});
      }
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

bool HasExtension(const SourceFile& file, std::string_view extension) {
  return fs::path(file.path).extension() == extension;
}

bool IsCode(const SourceFile& file) {
  return HasExtension(file, ".h") || HasExtension(file, ".cc") || HasExtension(file, ".cu") ||
         HasExtension(file, ".cuh");
}

}  // namespace cohort::tests
