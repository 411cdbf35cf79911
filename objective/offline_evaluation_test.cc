// SPDX-License-Identifier: Apache-2.0
#include "objective/offline_evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "common/config/yaml_to_proto.h"
#include "common/testing/status_matchers.h"
#include "objective/testing/golden.h"
#include "objective/testing/specs.h"

namespace cohort::objective {
namespace {

using cohort::common::StatusIs;
using nlohmann::json;
using testing::HasSubstr;

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<json> Lines(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

absl::StatusOr<std::string> Evaluate(const std::string& spec, const std::string& input, bool is_fp32 = false) {
  std::istringstream stream(input);
  return EvaluateOffline({.spec = ParseSpec(spec), .is_fp32 = is_fp32}, stream);
}

void ExpectNear(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
}

std::string Error(const std::string& spec, const std::string& input) {
  return std::string(Evaluate(spec, input).status().message());
}

// The worked example of docs/objectives.md, with the specification's numbers.
TEST(OfflineEvaluationTest, WorkedExampleOfTheDocsGivesTheSpecificationsNumbers) {
  OfflineOptions options;
  ASSERT_OK(common::YamlFileToProto("objective/testdata/grpo_token_mean.yaml", &options.spec));
  std::ifstream input("objective/testdata/fixture.jsonl");
  ASSERT_OK_AND_ASSIGN(const std::string output, EvaluateOffline(options, input));
  const std::vector<json> lines = Lines(output);
  ASSERT_EQ(lines.size(), 3u);
  const json& golden = Golden().at("grpo/token-mean/eps0.2");
  EXPECT_NEAR(lines[2].at("loss").get<double>(), golden.at("loss").get<double>(), 1e-12);
  std::vector<double> gradient = lines[0].at("gradient");
  for (const double value : lines[1].at("gradient")) gradient.push_back(value);
  for (size_t t = 0; t < gradient.size(); ++t) EXPECT_NEAR(gradient[t], golden.at("grad")[t].get<double>(), 1e-12);
  EXPECT_EQ(lines[2].at("metrics").at("count_clipped_high"), 2);
  EXPECT_EQ(lines[2].at("metrics").at("count_clipped_low"), 1);
  // The page shows what the command prints: these fields of these lines.
  std::istringstream docs(ReadText("docs/objectives.md"));
  size_t next = 0;
  for (std::string text; std::getline(docs, text);) {
    if (!text.starts_with("{\"line\":") && !text.starts_with("{\"loss\":")) continue;
    ASSERT_LT(next, lines.size());
    const json shown = json::parse(text);
    if (shown.contains("gradient")) ExpectNear(lines[next].at("gradient"), shown.at("gradient"));
    if (shown.contains("loss")) {
      EXPECT_NEAR(lines[next].at("loss").get<double>(), shown.at("loss").get<double>(), 1e-12);
    }
    ++next;
  }
  EXPECT_EQ(next, lines.size());
  EXPECT_THAT(ReadText("docs/objectives.md"), HasSubstr(ReadText("objective/testdata/grpo_token_mean.yaml")));
}

TEST(OfflineEvaluationTest, SegmentIdsCutSentences) {
  const std::string input = ReadText("objective/testdata/fixture.jsonl");
  ASSERT_OK_AND_ASSIGN(const std::string output,
                       Evaluate("preset: 'sspo' branches { clip_low: 0.1 clip_high: 0.1 }", input));
  const std::vector<json> lines = Lines(output);
  EXPECT_NEAR(lines[2].at("loss").get<double>(), GoldenNumber("sspo/ratio_linear_0.1/token-mean", "loss"), 1e-12);
  EXPECT_EQ(lines[0].at("segment_ids"), json::parse("[[0,0,0,1,1,1]]"));
  ASSERT_OK_AND_ASSIGN(const std::string rounded,
                       Evaluate("preset: 'sspo' branches { clip_low: 0.1 clip_high: 0.1 }", input, /*is_fp32=*/true));
  EXPECT_NEAR(Lines(rounded)[2].at("loss").get<double>(), GoldenNumber("sspo/ratio_linear_0.1/token-mean", "loss"),
              1e-5);
}

TEST(OfflineEvaluationTest, ListsAreReadFromTextAndItemRewards) {
  ASSERT_OK_AND_ASSIGN(const std::string output,
                       Evaluate("preset: 'rank_grpo' kl { coefficient: 0 } advantage { item { num_items: 3 } }",
                                ReadText("objective/testdata/lists.jsonl")));
  const std::vector<json> lines = Lines(output);
  const json& golden = Golden().at("rank_grpo/code_token-mean");
  EXPECT_NEAR(lines[2].at("loss").get<double>(), golden.at("loss").get<double>(), 1e-12);
  for (size_t t = 0; t < 10; ++t) {
    EXPECT_NEAR(lines[0].at("gradient")[t].get<double>(), golden.at("grad")[t].get<double>(), 1e-12);
    EXPECT_NEAR(lines[0].at("advantages")[t].get<double>(), golden.at("adv")[t].get<double>(), 1e-12);
  }
}

TEST(OfflineEvaluationTest, RewardsOfAGroupBecomeAdvantagesAndLinesWithoutRewardHaveNoVerdict) {
  const std::string line = R"({"group": 1, "policy_logprobs": [-1], "proximal_logprobs": [-1])";
  ASSERT_OK_AND_ASSIGN(const std::string output,
                       Evaluate("preset: 'dr_grpo'", line + R"(, "reward": 1})" + "\n\n" + line + R"(, "reward": 0})" +
                                                         "\n" + line + "}\n"));
  const std::vector<json> lines = Lines(output);
  EXPECT_EQ(lines[0].at("advantages"), json::parse("[0.5]"));
  EXPECT_EQ(lines[1].at("advantages"), json::parse("[-0.5]"));
  EXPECT_EQ(lines[1].at("line"), 3);  // blank lines count
  EXPECT_EQ(lines[2].at("gradient"), json::parse("[0.0]"));
}

TEST(OfflineEvaluationTest, DemonstrationsNeedNothingButTheirLogprobs) {
  ASSERT_OK_AND_ASSIGN(const std::string output, Evaluate("preset: 'sft'", R"({"policy_logprobs": [-1, -3]})"));
  EXPECT_EQ(Lines(output)[1].at("loss"), 2.0);
}

TEST(OfflineEvaluationTest, ErrorsAreOneSentenceWithLineAndField) {
  const std::string good = R"({"policy_logprobs": [-1], "proximal_logprobs": [-1], "advantages": 1})";
  EXPECT_EQ(Error("preset: 'grpo'", "{"), "line 1: no JSON object");
  EXPECT_EQ(Error("preset: 'grpo'", "[1]"), "line 1: no JSON object");
  EXPECT_EQ(Error("preset: 'grpo'", good + "\n" + R"({"policy": 1})"), "line 2: policy: is not a field of a sequence");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [-1, "x"]})"),
            "line 1: policy_logprobs: entry 1 is no number");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [NaN]})"), "line 1: no JSON object");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"reward": 1})"), "line 1: policy_logprobs: missing");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [-1], "mask": [2]})"),
            "line 1: mask: entry 0 is neither 0 nor 1");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [-1], "proximal_logprobs": [-1, -2]})"),
            "line 1: proximal_logprobs: has 2 entries for 1 policy_logprobs");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [-1], "reward": 1, "advantages": 1})"),
            "line 1: reward: give one of reward, item_rewards, verifier_scores and advantages");
  EXPECT_EQ(Error("preset: 'grpo'", good + "\n" + R"({"policy_logprobs": [-1], "proximal_logprobs": [-1]})"),
            "line 2: advantages: missing, other lines have them");
  EXPECT_EQ(Error("preset: 'sspo'", R"({"policy_logprobs": [-1], "proximal_logprobs": [-1], "advantages": 1})"),
            "line 1: token_texts: missing, or segment_ids");
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [-1], "advantages": 1})"), "proximal_logprobs: missing");
  EXPECT_EQ(Error("preset: 'grpo' kl { coefficient: 1 }", good), "reference_logprobs: missing");
  EXPECT_THAT(Error("preset: 'grpo' branches { clip_low: 2 }", good), HasSubstr("branches[0].clip_low: "));
  EXPECT_EQ(Error("preset: 'grpo'", R"({"policy_logprobs": [1e999], "proximal_logprobs": [-1], "advantages": 1})"),
            "line 1: no JSON object");
}

TEST(OfflineEvaluationTest, OneCompletionPerGroupIsRefusedWhenRewardsAreCompared) {
  EXPECT_THAT(Error("preset: 'grpo'", R"({"policy_logprobs": [-1], "proximal_logprobs": [-1], "reward": 1})"),
              HasSubstr("advantage.estimator: "));
}

TEST(OfflineEvaluationTest, NoLinesAreALossOfZero) {
  ASSERT_OK_AND_ASSIGN(const std::string output, Evaluate("preset: 'gspo'", ""));
  EXPECT_EQ(Lines(output)[0].at("loss"), 0.0);
}

}  // namespace
}  // namespace cohort::objective
