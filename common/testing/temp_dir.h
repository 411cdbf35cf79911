// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_TEMP_DIR_H_
#define COHORT_COMMON_TESTING_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace cohort::common {

// A fresh folder under TEST_TMPDIR, removed with everything in it at the end of its scope.
class TempDir final {
 public:
  TempDir() {
    const char* root = getenv("TEST_TMPDIR");
    path_ = std::string(root == nullptr ? "/tmp" : root) + "/dir-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) abort();
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // The path of `name` in the folder; nothing is created.
  std::string Join(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_TEMP_DIR_H_
