// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/doc_references.h"

#include <filesystem>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

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
    const std::function<bool(const std::string&, const std::string&)>& has_anchor,
    const std::function<bool(const std::string&, const std::string&)>& has_target) {
  std::vector<std::string> broken;
  const fs::path folder = fs::path(page.path).parent_path();
  for (const std::string& link : FirstGroups(page.text, R"(\]\(([^)\s]+)\))")) {
    if (absl::StrContains(link, "://")) continue;
    const size_t hash = link.find('#');
    const std::string path = link.substr(0, hash);
    const std::string target = path.empty() ? page.path : (folder / path).lexically_normal().string();
    if (!exists(target)) {
      broken.push_back(absl::StrCat(page.path, ": link to a file that does not exist (", link, ")"));
    } else if (hash != std::string::npos && !has_anchor(target, link.substr(hash + 1))) {
      broken.push_back(absl::StrCat(page.path, ": link to a heading that does not exist (", link, ")"));
    }
  }
  for (const std::string& label : FirstGroups(page.text, "`(//[a-z0-9_/]+:[a-z0-9_-]+)`")) {
    const size_t colon = label.find(':');
    if (!has_target(label.substr(2, colon - 2), label.substr(colon + 1))) {
      broken.push_back(absl::StrCat(page.path, ": target that does not exist (", label, ")"));
    }
  }
  const std::string of_rooms =
      "`((?:common|kernels|model|rollout_log|objective|reward|rollout_worker|learner|coordinator|cli|deploy|bazel)/"
      "[A-Za-z0-9_./-]+\\.[a-z]+)`";
  const std::string of_folders = "`((?:docs|tools|examples|tests|proto)/[A-Za-z0-9_./-]+)`";
  for (const std::string& pattern : {of_rooms, of_folders}) {
    for (const std::string& path : FirstGroups(page.text, pattern)) {
      if (!exists(path)) broken.push_back(absl::StrCat(page.path, ": path that does not exist (", path, ")"));
    }
  }
  return broken;
}

std::set<std::string> AnchorsOf(const std::string& text) {
  std::set<std::string> anchors;
  bool is_in_block = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "```")) is_in_block = !is_in_block;
    const size_t hashes = line.find_first_not_of('#');
    if (is_in_block || hashes == 0 || hashes == absl::string_view::npos || line[hashes] != ' ') continue;
    // A link in a heading counts with its text alone.
    const std::string heading =
        std::regex_replace(std::string(line.substr(hashes + 1)), std::regex(R"(\]\([^)]*\))"), "");
    std::string anchor;
    for (const char c : heading) {
      if (c == ' ') {
        anchor += '-';
      } else if (absl::ascii_isalnum(c) || c == '-' || c == '_' || !absl::ascii_isascii(c)) {
        anchor += absl::ascii_tolower(c);
      }
    }
    anchors.insert(anchor);
  }
  return anchors;
}

}  // namespace cohort::tests
