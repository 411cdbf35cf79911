// SPDX-License-Identifier: Apache-2.0
// docs/cli.md tells of the verbs of the binary: of all of them, with an example each, and of no flag that is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "cli/verbs.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::cli {
namespace {

// The page's sections by verb: "## `verb`", up to the next heading.
std::map<std::string, std::string> SectionsOf(const std::string& page) {
  std::map<std::string, std::string> sections;
  std::istringstream lines(page);
  std::string verb;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (absl::StartsWith(line, "## ")) {
      verb = std::regex_match(line, match, std::regex("## `([a-z]+)`")) ? match[1].str() : "";
      if (!verb.empty()) sections[verb] = "";
    } else if (!verb.empty()) {
      sections[verb] += line + "\n";
    }
  }
  return sections;
}

// Long flags of a verb and of the verbs below it.
void CollectFlags(const CLI::App& app, std::set<std::string>& flags) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.insert(name);
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) CollectFlags(*below, flags);
}

class CliPageTest : public ::testing::Test {
 protected:
  CliPageTest() : app_("", "cohortctl"), context_{.console = {.out = &stream_, .err = &stream_}} {
    AddVerbs(app_, context_);
  }
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const std::string page, common::ReadFile("docs/cli.md"));
    sections_ = SectionsOf(page);
  }

  CLI::App app_;
  std::ostringstream stream_;
  VerbContext context_;
  std::map<std::string, std::string> sections_;
};

TEST_F(CliPageTest, PageHasTheVerbsOfTheBinaryAndNoOthers) {
  std::set<std::string> of_page;
  std::set<std::string> of_binary;
  for (const auto& [verb, text] : sections_) of_page.insert(verb);
  for (const CLI::App* verb : app_.get_subcommands([](const CLI::App*) { return true; })) {
    of_binary.insert(verb->get_name());
  }
  EXPECT_EQ(of_page, of_binary);
}

TEST_F(CliPageTest, EveryVerbHasAnExample) {
  for (const auto& [verb, text] : sections_) {
    EXPECT_TRUE(absl::StrContains(text, "```\ncohortctl " + verb)) << verb;
  }
}

TEST_F(CliPageTest, FlagsOfASectionAreFlagsOfItsVerb) {
  const std::regex flag("--([a-z][a-z_-]*)");
  for (const auto& [verb, text] : sections_) {
    std::set<std::string> known;
    for (const CLI::Option* option : app_.get_options()) known.insert(option->get_lnames().front());
    CollectFlags(*app_.get_subcommand(verb), known);
    for (auto it = std::sregex_iterator(text.begin(), text.end(), flag); it != std::sregex_iterator(); ++it) {
      EXPECT_TRUE(known.contains((*it)[1].str())) << verb << ": " << it->str();
    }
  }
}

}  // namespace
}  // namespace cohort::cli
