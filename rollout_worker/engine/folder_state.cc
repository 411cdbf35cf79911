// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/folder_state.h"

#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace cohort::rollout_worker {

std::string FolderState(const std::string& path) {
  std::set<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    struct stat status;
    if (::stat(it->path().c_str(), &status) != 0) continue;
    files.insert(absl::StrCat(it->path().filename().string(), "/", status.st_size, "/", status.st_mtim.tv_sec, ".",
                              status.st_mtim.tv_nsec, "/", status.st_ino));
  }
  std::string state;
  for (const std::string& file : files) absl::StrAppend(&state, file, "\n");
  return error ? "" : state;
}

}  // namespace cohort::rollout_worker
