// SPDX-License-Identifier: Apache-2.0
// The pages of metrics and of step metrics list what the processes have: all of it, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/step_metric_table.h"
#include "tests/architecture/metrics_page.h"
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

// Names in the first column of the tables whose head begins with "| name |".
std::set<std::string> NamesOfTables(const std::string& page) {
  std::set<std::string> names;
  bool is_in_table = false;
  const std::vector<std::string> lines = absl::StrSplit(page, '\n');
  for (const std::string& line : lines) {
    if (absl::StartsWith(line, "| name |")) is_in_table = true;
    if (!absl::StartsWith(line, "|")) is_in_table = false;
    if (is_in_table) names.merge(Matches(line.substr(0, line.find(" |", 1)), "`([a-z0-9_]+)`"));
  }
  return names;
}

TEST(MetricsOfSourceTest, FindsQuotedNamesOfMetricsAlone) {
  EXPECT_THAT(MetricsOfSource("Add(\"cohort_x_seconds\", \"Help.\"); Add(\"other\"); // cohort_y"),
              ::testing::ElementsAre("cohort_x_seconds"));
}

TEST(NamesOfTablesTest, FindsNamesInTheFirstColumnAlone) {
  EXPECT_THAT(NamesOfTables("`a`\n| name | meaning |\n|---|---|\n| `b`, `c_d` | not `e` |\n\n| `f` | g |\n"),
              ::testing::ElementsAre("b", "c_d"));
}

TEST(MetricsTableTest, PageIsMadeOfWhatTheProcessesRegister) {
  ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
  ASSERT_OK_AND_ASSIGN(const std::string page, common::ReadFile(root + "/docs/operations/metrics.md"));
  EXPECT_EQ(page, MetricsPage())
      << "bazel run //tests/architecture:print_metrics_page > docs/operations/metrics.md makes it";
}

TEST(MetricsTableTest, PageListsTheMetricsOfTheSources) {
  ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
  ASSERT_OK_AND_ASSIGN(const std::vector<SourceFile> files, ReadRooms(root));
  std::set<std::string> in_sources;
  for (const SourceFile& file : files) {
    const bool is_table = absl::EndsWith(file.path, "_metrics.cc") || absl::EndsWith(file.path, "_metric_table.cc");
    if (is_table) in_sources.merge(MetricsOfSource(file.text));
  }
  // What names of metrics begin with.
  in_sources.erase("cohort_coordinator");
  ASSERT_GT(in_sources.size(), 100u);
  std::set<std::string> on_page = Matches(MetricsPage(), "\\| `((?:cohort|process)_[a-z0-9_]+)` \\|");
  // Named by their prefix.
  for (const char* name : {"cohort_coordinator_rpc_seconds", "cohort_coordinator_rpcs_total"}) {
    EXPECT_EQ(on_page.erase(name), 1u) << name;
  }
  EXPECT_EQ(on_page, in_sources);
}

TEST(MetricsTableTest, StepMetricsOfThePageAreThoseOfTheTable) {
  ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
  ASSERT_OK_AND_ASSIGN(const std::string page, common::ReadFile(root + "/docs/operations/step_metrics.md"));
  std::set<std::string> in_table;
  for (const coordinator::StepGauge& gauge : coordinator::StepGauges()) {
    for (const auto& source : gauge.sources) in_table.insert(source.step_metric);
  }
  EXPECT_EQ(NamesOfTables(page), in_table);
}

}  // namespace
}  // namespace cohort::tests
