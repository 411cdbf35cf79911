// SPDX-License-Identifier: Apache-2.0
// docs/operations/metrics.md lists the metrics of the sources: all of them, and no others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "tests/architecture/source_tree.h"

namespace cohort::tests {
namespace {

std::set<std::string> Matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (auto it = std::sregex_iterator(text.begin(), text.end(), regex); it != std::sregex_iterator(); ++it) {
    found.insert((*it)[1].str());
  }
  return found;
}

std::set<std::string> MetricsOfSource(const std::string& text) {
  return Matches(text, "\"((?:cohort|process)_[a-z0-9_]+)\"");
}

TEST(MetricsOfSourceTest, FindsQuotedNamesOfMetricsAlone) {
  EXPECT_THAT(MetricsOfSource("Add(\"cohort_x_seconds\", \"Help.\"); Add(\"other\"); // cohort_y"),
              ::testing::ElementsAre("cohort_x_seconds"));
}

TEST(MetricsTableTest, TableListsTheMetricsOfTheSources) {
  ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
  ASSERT_OK_AND_ASSIGN(const std::vector<SourceFile> files, ReadRooms(root));
  std::set<std::string> in_sources;
  for (const SourceFile& file : files) {
    if (absl::EndsWith(file.path, "_metrics.cc")) in_sources.merge(MetricsOfSource(file.text));
  }
  ASSERT_GT(in_sources.size(), 30u);
  ASSERT_OK_AND_ASSIGN(const std::string page, common::ReadFile(root + "/docs/operations/metrics.md"));
  EXPECT_EQ(Matches(page, "\\| `([a-z0-9_]+)` \\|"), in_sources);
}

}  // namespace
}  // namespace cohort::tests
