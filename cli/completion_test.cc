// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/verb_fixture.h"
#include "common/exit_codes.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class CompletionTest : public VerbFixture {
 protected:
  CompletionTest() {
    AddJob("warm-start", cohort::v1::JOB_STATE_SUCCEEDED);
    AddJob("grpo", cohort::v1::JOB_STATE_RUNNING);
  }

  // The words offered in the place of the last one, without their descriptions.
  std::vector<std::string> Offered(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    EXPECT_EQ(RunAlone(words), common::kExitOk);
    EXPECT_EQ(err_.str(), "");
    std::vector<std::string> offered;
    for (const absl::string_view line : absl::StrSplit(out_.str(), '\n', absl::SkipEmpty())) {
      offered.emplace_back(std::string(line.substr(0, line.find('\t'))));
    }
    return offered;
  }
  // What bash has in COMPREPLY after the script was asked about these words, of which the last is to be completed.
  // "|" marks where bash has cut one at a character of COMP_WORDBREAKS: "--for|=|state".
  std::vector<std::string> OfferedByBash(const std::vector<std::string>& cut_words) {
    const std::string line = absl::StrReplaceAll(absl::StrJoin(cut_words, " "), {{"|", ""}});
    const std::vector<std::string> words = absl::StrSplit(absl::StrJoin(cut_words, "|"), '|');
    const std::string folder = std::string(std::getenv("TEST_SRCDIR")) + "/" + std::getenv("TEST_WORKSPACE") + "/cli";
    const std::string script = WriteFile(
        "ask.sh", "set -u\nPATH=" + folder + ":$PATH\nsource <(cohortctl completion bash)\nCOMP_WORDS=(cohortctl '" +
                      absl::StrJoin(words, "' '") + "')\nCOMP_CWORD=" + std::to_string(words.size()) +
                      "\nCOMP_LINE='cohortctl " + line + "'\n_cohortctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
    FILE* pipe = popen(("bash " + script).c_str(), "r");
    std::string output;
    char buffer[4096];
    while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
    EXPECT_TRUE(pipe != nullptr && pclose(pipe) == 0) << output;
    return absl::StrSplit(output, '\n', absl::SkipEmpty());
  }
};

TEST_F(CompletionTest, VerbsAndTheirVerbs) {
  EXPECT_THAT(Offered({"wa"}), UnorderedElementsAre("wait", "watch"));
  EXPECT_THAT(Offered({"--server", service_.Address(), "wa"}), UnorderedElementsAre("wait", "watch"));
  EXPECT_THAT(Offered({"model", ""}), UnorderedElementsAre("init", "inspect"));
  EXPECT_THAT(Offered({"context", "d"}), ElementsAre("delete"));
  EXPECT_THAT(Offered({""}), AllOf(Contains("submit"), Not(Contains("__complete"))));
}

TEST_F(CompletionTest, FlagsOfTheVerbAndThoseOfEveryVerb) {
  EXPECT_THAT(Offered({"submit", "--"}),
              AllOf(Contains("--watch"), Contains("--file"), Contains("--server"), Not(Contains("--all_namespaces"))));
  EXPECT_THAT(Offered({"rollouts", "--min"}), ElementsAre("--min_reward"));
  // wait has a --timeout of its own.
  EXPECT_THAT(Offered({"wait", "--time"}), ElementsAre("--timeout"));
}

TEST_F(CompletionTest, ValuesOfFlags) {
  EXPECT_THAT(Offered({"get", "grpo", "-o", ""}), UnorderedElementsAre("table", "wide", "json", "yaml", "name"));
  EXPECT_THAT(Offered({"get", "grpo", "--output=j"}), ElementsAre("--output=json"));
  EXPECT_THAT(Offered({"list", "--state", "pau"}), UnorderedElementsAre("paused", "pausing"));
  EXPECT_THAT(Offered({"wait", "grpo", "--for", "state=su"}), ElementsAre("state=succeeded"));
  EXPECT_THAT(Offered({"wait", "grpo", "--for=state=su"}), ElementsAre("--for=state=succeeded"));
  EXPECT_THAT(Offered({"completion", ""}), UnorderedElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(Offered({"submit", "-f", ""}), ElementsAre(":files"));
  EXPECT_THAT(Offered({"list", "--page_size", ""}), IsEmpty());
}

TEST_F(CompletionTest, JobsAreThoseOfTheServerAndNamespaceOfTheCommandLine) {
  const std::string server = service_.Address();
  EXPECT_THAT(Offered({"--server", server, "get", ""}), UnorderedElementsAre("grpo", "warm-start"));
  EXPECT_THAT(Offered({"get", "--server", server, "g"}), ElementsAre("grpo"));
  EXPECT_EQ(service_.LastList().parent(), "namespaces/default");
  Offered({"describe", "-n", "team", "--server", server, ""});
  EXPECT_EQ(service_.LastList().parent(), "namespaces/team");
  EXPECT_THAT(Offered({"get", "--server", server, "grpo", ""}), IsEmpty()) << "there is one job";
}

TEST_F(CompletionTest, ServerThatIsNotThereHasNoJobsAndIsNoError) {
  const std::string server = service_.Address();
  service_.Stop();
  EXPECT_THAT(Offered({"get", "--server", server, ""}), IsEmpty());
}

TEST_F(CompletionTest, ContextsByName) {
  ASSERT_EQ(RunAlone({"context", "set", "prod", "--server", "127.0.0.1:1"}), common::kExitOk);
  ASSERT_EQ(RunAlone({"context", "set", "lab", "--server", service_.Address()}), common::kExitOk);
  EXPECT_THAT(Offered({"--context", ""}), ElementsAre("lab", "prod"));
  EXPECT_THAT(Offered({"context", "use", "p"}), ElementsAre("prod"));
  EXPECT_THAT(Offered({"--context", "lab", "get", "g"}), ElementsAre("grpo"));
}

TEST_F(CompletionTest, BashCompletesByTheScript) {
  EXPECT_THAT(OfferedByBash({"wa"}), UnorderedElementsAre("wait", "watch"));
  EXPECT_THAT(OfferedByBash({"get", "--server", service_.Address(), ""}), UnorderedElementsAre("grpo", "warm-start"));
  EXPECT_THAT(OfferedByBash({"get", "x", "-o", "ya"}), ElementsAre("yaml"));
  EXPECT_THAT(OfferedByBash({"submit", "-f", ""}), IsEmpty()) << "files are bash's own";
}

TEST_F(CompletionTest, BashReplacesOnlyWhatIsBehindTheLastCut) {
  EXPECT_THAT(OfferedByBash({"wait", "x", "--for", "state|=|su"}), ElementsAre("succeeded"));
  EXPECT_THAT(OfferedByBash({"wait", "x", "--for|=|state|=|su"}), ElementsAre("succeeded"));
  EXPECT_THAT(OfferedByBash({"wait", "x", "--for|="}), AllOf(Contains("state=succeeded"), Contains("state=running")));
  EXPECT_THAT(OfferedByBash({"get", "x", "--output|=|j"}), ElementsAre("json"));
  EXPECT_THAT(OfferedByBash({"get", "x", "--output|=|json", "--name"}), ElementsAre("--namespace"));
  // The address is cut at its colon.
  const std::vector<std::string> server = absl::StrSplit(service_.Address(), ':');
  EXPECT_THAT(OfferedByBash({"get", "--server", server[0] + "|:|" + server[1], "g"}), ElementsAre("grpo"));
  EXPECT_THAT(OfferedByBash({"get", "--server|=|" + server[0] + "|:|" + server[1], "g"}), ElementsAre("grpo"));
  // An = that stands alone is a word.
  EXPECT_THAT(OfferedByBash({"wait", "x", "--for", "=", "--ti"}), ElementsAre("--timeout"));
}

TEST_F(CompletionTest, EveryShellHasItsScriptAndNoOther) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(RunAlone({"completion", shell}), common::kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("__complete")) << shell;
  }
  EXPECT_EQ(RunAlone({"completion", "tcsh"}), common::kExitUsage);
}

}  // namespace
}  // namespace cohort::cli
