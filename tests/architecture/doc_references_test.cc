// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/doc_references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST(CheckReferencesTest, NamesBrokenLinksHeadingsLabelsAndPaths) {
  const SourceFile page = {"docs/a.md",
                           "[x](b.md#part) [x](b.md#gone) [x](#own) [y](../c.md) [z](https://d/e) `//r:t` `//r:u` "
                           "`tools/v` `tools/w.sh` `reward/x.h` `reward/y.h` `reward/<name>.h`"};
  const std::vector<std::string> broken = CheckReferences(
      page,
      [](const std::string& path) {
        return path == "docs/a.md" || path == "docs/b.md" || path == "tools/w.sh" || path == "reward/x.h";
      },
      [](const std::string& path, const std::string& anchor) {
        return path + "#" + anchor == "docs/b.md#part" || path + "#" + anchor == "docs/a.md#own";
      },
      [](const std::string& package, const std::string& target) { return package == "r" && target == "t"; });
  EXPECT_THAT(broken, ElementsAre(HasSubstr("heading that does not exist (b.md#gone)"), HasSubstr("../c.md"),
                                  HasSubstr("//r:u"), HasSubstr("reward/y.h"), HasSubstr("tools/v")));
}

TEST(AnchorsOfTest, AreThoseOfGitHub) {
  EXPECT_THAT(
      AnchorsOf("# Runbooks\n## Roles, and [who](x.md)\n### `command`: a program\n```\n# a comment\n```\n#no\n"),
      UnorderedElementsAre("runbooks", "roles-and-who", "command-a-program"));
}

// A label names a target when the package's BUILD file has a rule of that name.
bool HasTarget(const std::string& root, const std::string& package, const std::string& target) {
  const auto build = common::ReadFile(absl::StrCat(root, "/", package, "/BUILD"));
  return build.ok() && std::regex_search(*build, std::regex("name = \"" + target + "\""));
}

TEST(DocReferencesTest, PagesPointToWhatExists) {
  ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
  const auto exists = [&](const std::string& path) { return fs::exists(fs::path(root) / path); };
  const auto has_anchor = [&](const std::string& path, const std::string& anchor) {
    const auto text = common::ReadFile((fs::path(root) / path).string());
    return text.ok() && AnchorsOf(*text).count(anchor) > 0;
  };
  const auto has_target = [&](const std::string& package, const std::string& target) {
    return HasTarget(root, package, target);
  };
  std::vector<std::string> broken;
  int num_pages = 0;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_symlink() || name[0] == '.' || name == "runs") {
      entry.disable_recursion_pending();
    } else if (entry->path().extension() == ".md") {
      ASSERT_OK_AND_ASSIGN(const std::string text, common::ReadFile(entry->path().string()));
      const SourceFile page = {entry->path().lexically_relative(root).string(), text};
      for (std::string& sentence : CheckReferences(page, exists, has_anchor, has_target))
        broken.push_back(std::move(sentence));
      ++num_pages;
    }
  }
  EXPECT_GT(num_pages, 20);
  EXPECT_THAT(broken, ::testing::IsEmpty());
}

}  // namespace
}  // namespace cohort::tests
