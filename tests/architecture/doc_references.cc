// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/doc_references.h"

#include <filesystem>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cohort::tests {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> FirstGroups(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (auto it = std::sregex_iterator(text.begin(), text.end(), regex); it != std::sregex_iterator(); ++it) {
    found.push_back((*it)[1].str());
  }
  return found;
}

}  // namespace

std::vector<std::string> CheckReferences(
    const SourceFile& page, const std::function<bool(const std::string&)>& exists,
    const std::function<bool(const std::string&, const std::string&)>& has_target) {
  std::vector<std::string> broken;
  const fs::path folder = fs::path(page.path).parent_path();
  for (const std::string& link : FirstGroups(page.text, R"(\]\(([^)#]+)[^)]*\))")) {
    if (absl::StrContains(link, "://")) continue;
    if (!exists((folder / link).lexically_normal().string())) {
      broken.push_back(absl::StrCat(page.path, ": link to a file that does not exist (", link, ")"));
    }
  }
  for (const std::string& label : FirstGroups(page.text, "`(//[a-z0-9_/]+:[a-z0-9_-]+)`")) {
    const size_t colon = label.find(':');
    if (!has_target(label.substr(2, colon - 2), label.substr(colon + 1))) {
      broken.push_back(absl::StrCat(page.path, ": target that does not exist (", label, ")"));
    }
  }
  for (const std::string& path : FirstGroups(page.text, "`((?:docs|tools|examples|tests|proto)/[A-Za-z0-9_./-]+)`")) {
    if (!exists(path)) broken.push_back(absl::StrCat(page.path, ": path that does not exist (", path, ")"));
  }
  return broken;
}

}  // namespace cohort::tests
