// SPDX-License-Identifier: Apache-2.0
// No service here: children that judge are forked from a process that must not have threads yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/verbs.h"
#include "common/exit_codes.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kRubric[] =
    "verifiers:\n"
    "  - name: exact\n"
    "    math_answer: {}\n"
    "  - name: marked\n"
    "    weight: 0.5\n"
    "    math_answer:\n"
    "      answer_marker: 'Answer:'\n";

class ScoreVerbTest : public ::testing::Test {
 protected:
  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  int Score(const std::string& rubric, const std::string& completions, const std::vector<std::string>& more = {}) {
    out_.str("");
    err_.str("");
    const std::string file = WriteFile("rubric.yaml", rubric);
    const std::string lines = WriteFile("completions.jsonl", completions);
    std::vector<const char*> argv = {"cohortctl", "score", "-f", file.c_str(), "--completions", lines.c_str()};
    for (const std::string& argument : more) argv.push_back(argument.c_str());
    return RunCommandLine(static_cast<int>(argv.size()), argv.data(), {.out = &out_, .err = &err_});
  }

  common::TempDir dir_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ScoreVerbTest, EveryLineHasItsVerdictAndBreakdownAndASummaryFollows) {
  EXPECT_EQ(Score(kRubric,
                  "{\"prompt\": \"1+1=\", \"answer\": \"2\", \"completion\": \"Answer: 2\"}\n"
                  "\n"
                  "{\"prompt\": \"1+2=\", \"answer\": 3, \"completion\": \"it is 3\"}\n"
                  "{\"prompt\": \"1+3=\", \"answer\": \"4\", \"completion\": \"it is 5\"}\n"),
            common::kExitOk)
      << err_.str();
  std::istringstream table(out_.str());
  std::string line;
  std::getline(table, line);
  EXPECT_THAT(line, AllOf(HasSubstr("LINE  VERDICT  REWARD  exact  marked  REASON")));
  std::getline(table, line);
  EXPECT_THAT(line, AllOf(HasSubstr("1     correct  1.5     1 "), HasSubstr("-")));
  std::getline(table, line);
  EXPECT_THAT(line, HasSubstr("3     partial  1       1      wrong"));
  std::getline(table, line);
  EXPECT_THAT(line, HasSubstr("4     wrong    0       wrong  wrong"));
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("\n3 completions, 1 correct, 1 partial, 1 wrong; mean reward 0.8333 of 1.5\n"),
                    HasSubstr("exact: mean 0.6667 over 3 verdicts\n")));
}

TEST_F(ScoreVerbTest, JsonIsAnObjectPerLineAndTheSummaryLast) {
  EXPECT_EQ(
      Score(kRubric, "{\"answer\": \"2\", \"text\": \"Answer: 2\"}\n", {"-o", "json", "--completion_field", "text"}),
      common::kExitOk)
      << err_.str();
  std::istringstream lines(out_.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto completion = nlohmann::json::parse(line);
  EXPECT_EQ(completion["line"], 1);
  EXPECT_EQ(completion["verdict"], "correct");
  EXPECT_EQ(completion["reward"], 1.5);
  EXPECT_EQ(completion["scores"][1]["verifier"], "marked");
  EXPECT_EQ(completion["scores"][1]["outcome"], "graded");
  ASSERT_TRUE(std::getline(lines, line));
  const auto summary = nlohmann::json::parse(line)["summary"];
  EXPECT_EQ(summary["num_completions"], 1);
  EXPECT_EQ(summary["verdicts"]["correct"], 1);
  EXPECT_EQ(summary["verifiers"]["exact"]["mean"], 1);
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(ScoreVerbTest, JobFileGivesItsRubricAndItsFields) {
  constexpr char kJob[] =
      "rlvr:\n"
      "  data:\n"
      "    fields: {prompt: question, answer: solution, answer_marker: '####'}\n"
      "  reward:\n"
      "    verifiers:\n"
      "      - math_answer: {}\n"
      "evaluation:\n"
      "  data:\n"
      "    fields: {answer: gold}\n"
      "  reward:\n"
      "    verifiers:\n"
      "      - name: held_out\n"
      "        math_answer: {}\n";
  constexpr char kRow[] =
      "{\"question\": \"?\", \"solution\": \"so #### 7\", \"gold\": \"8\", \"completion\": \"it is 7\"}\n";
  EXPECT_EQ(Score(kJob, kRow), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("1 correct"));
  EXPECT_EQ(Score(kJob, kRow, {"--reward", "evaluation"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("held_out"), HasSubstr("1 wrong")));
  EXPECT_EQ(Score(kJob, kRow, {"--reward", "rescore"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("rescore.reward"));
}

TEST_F(ScoreVerbTest, BadLineIsNamedAndNothingIsJudged) {
  const std::string good = "{\"answer\": \"2\", \"completion\": \"2\"}\n";
  EXPECT_EQ(Score(kRubric, good + "nonsense\n"), common::kExitUsage);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("completions.jsonl:2: not a JSON object in UTF-8 (nonsense)"));
  EXPECT_EQ(Score(kRubric, "{\"answer\": \"2\"}\n"), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("completions.jsonl:1: field missing, the completion (completion)"));
  EXPECT_EQ(Score(kRubric, good + "{\"completion\": \"2\"}\n"), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("completions.jsonl:2: field missing, the ground truth (answer)"));
  EXPECT_EQ(Score(kRubric, "{\"answer\": \"2\", \"completion\": 2}\n"), common::kExitUsage);
  EXPECT_EQ(Score(kRubric, "\n"), common::kExitUsage);
}

TEST_F(ScoreVerbTest, HostileNestingIsNamedAndNothingIsJudged) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const std::string row = "{\"completion\": \"[[2\", \"answer\": ";
  EXPECT_EQ(Score(kRubric, row + "\"2\"}\n" + row + deep + "}\n"), common::kExitUsage);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("completions.jsonl:2: nested too deeply, more than 64 levels ({\"completion"));
}

TEST_F(ScoreVerbTest, BadRubricNamesFileAndField) {
  const std::string good = "{\"answer\": \"2\", \"completion\": \"2\"}\n";
  EXPECT_EQ(Score("verifiers:\n  - mth_answer: {}\n", good), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("rubric.yaml:2"), HasSubstr("did you mean math_answer?")));
  EXPECT_EQ(Score("rlvr:\n  reward:\n    verifiers:\n      - name: empty\n", good), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("rubric.yaml"), HasSubstr("rlvr.reward.verifiers[0]")));
  EXPECT_EQ(Score("verifiers: []\n", good), common::kExitUsage);
}

TEST_F(ScoreVerbTest, CompletionWithoutVerdictIsExitOneWithItsReason) {
  constexpr char kBroken[] =
      "verifiers:\n"
      "  - deadline: 10s\n"
      "    command:\n"
      "      argv: ['/bin/false']\n";
  EXPECT_EQ(Score(kBroken, "{\"completion\": \"2\"}\n"), common::kExitFailure);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("no_verdict"), HasSubstr("1 completions, 1 no_verdict")));
  EXPECT_THAT(err_.str(), HasSubstr("1 of 1 completions got no verdict"));
}

}  // namespace
}  // namespace cohort::cli
