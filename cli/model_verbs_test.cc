// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/verbs.h"
#include "common/exit_codes.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ModelVerbsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(dir_.Join("template"));
    auto config = nlohmann::json::parse(*common::ReadFile("model/testdata/qwen3_tiny/config.json"));
    config["vocab_size"] = 60;
    WriteFile("template/config.json", config.dump());
    std::filesystem::copy("model/testdata/tokenizers/characters/tokenizer.json", dir_.Join("template/tokenizer.json"));
  }

  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    arguments.insert(arguments.begin(), {"cohortctl", "model"});
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return RunCommandLine(static_cast<int>(argv.size()), argv.data(), {.out = &out_, .err = &err_});
  }
  int Init(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"init", "--output", dir_.Join("model")});
    return Run(std::move(flags));
  }
  std::string WriteFile(const std::string& name, const std::string& text) {
    std::ofstream(dir_.Join(name)) << text;
    return dir_.Join(name);
  }

  common::TempDir dir_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ModelVerbsTest, InitFromATemplateSaysWhatItMade) {
  EXPECT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), dir_.Join("model") + ": Qwen3ForCausalLM, 23648 parameters\n");
}

TEST_F(ModelVerbsTest, InitKeepsAFolderThatIsThereOnlyWhenAskedToAndIfItIsAModel) {
  const std::vector<std::string> flags = {"--template", dir_.Join("template"), "--keep_existing"};
  ASSERT_EQ(Init(flags), common::kExitOk) << err_.str();
  const std::string weights = *common::ReadFile(dir_.Join("model/model.safetensors"));
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--seed", "7"}), common::kExitFailure);
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--seed", "7", "--keep_existing"}), common::kExitOk)
      << err_.str();
  EXPECT_EQ(out_.str(), dir_.Join("model") + ": Qwen3ForCausalLM, 23648 parameters\n");
  EXPECT_EQ(*common::ReadFile(dir_.Join("model/model.safetensors")), weights);
  std::filesystem::remove(dir_.Join("model/model.safetensors"));
  EXPECT_NE(Init(flags), common::kExitOk);
  EXPECT_THAT(err_.str(), HasSubstr("model.safetensors"));
}

TEST_F(ModelVerbsTest, InitCutsALargeModelIntoShards) {
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--dtype", "bf16", "--max_shard_bytes", "20000"}),
            common::kExitOk)
      << err_.str();
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("model/model.safetensors")));
  EXPECT_TRUE(std::filesystem::exists(dir_.Join("model/model.safetensors.index.json")));
  EXPECT_EQ(Run({"inspect", dir_.Join("model"), "-o", "json"}), common::kExitOk) << err_.str();
  const auto report = nlohmann::json::parse(out_.str());
  EXPECT_GT(report["files"].size(), 2u);
  EXPECT_EQ(report["weight_bytes_by_dtype"], (nlohmann::json{{"BF16", 2 * 23648}}));
}

TEST_F(ModelVerbsTest, InitNeedsOneSourceAndRefusesTwo) {
  EXPECT_EQ(Init({}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("one of --template and --preset"));
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--preset", "qwen3-0.6b"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--preset"), HasSubstr("--template")));
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--random"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--random"), HasSubstr("--preset")));
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("model")));
}

TEST_F(ModelVerbsTest, PresetWithoutRandomSaysThatThereAreNoTrainedWeights) {
  EXPECT_EQ(Init({"--preset", "qwen3-0.6b"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--random"));
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("model")));
}

TEST_F(ModelVerbsTest, UnknownPresetAndDtypeListTheKnownOnes) {
  EXPECT_EQ(Init({"--preset", "qwen9", "--random"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("(qwen9)"), HasSubstr("qwen3-0.6b"), HasSubstr("llama-3.1-8b")));
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--dtype", "fp8"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("fp8"), HasSubstr("bf16")));
  EXPECT_EQ(Init({"--template", dir_.Join("template"), "--max_shard_bytes", "0"}), common::kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("model")));
}

TEST_F(ModelVerbsTest, InspectPrintsTheModelsSizes) {
  ASSERT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  EXPECT_EQ(Run({"inspect", dir_.Join("model")}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith(dir_.Join("model") + ": Qwen3ForCausalLM\n"));
  for (const char* line : {"PARAMETERS", "  embedding", "1920", "tied to the embedding", "  model.safetensors",
                           "LEARNER RANK", "  AdamW moments, fp32", "ROLLOUT WORKER", "KV CACHE"}) {
    EXPECT_THAT(out_.str(), HasSubstr(line));
  }
  EXPECT_THAT(out_.str(), Not(HasSubstr("reference policy")));
}

TEST_F(ModelVerbsTest, InspectTakesTheNumbersOfAJobFile) {
  ASSERT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  const std::string job =
      WriteFile("job.yaml",
                "training: {num_steps: 20, world_size: 3, max_tokens_per_microbatch: 50, max_sequence_tokens: 60}\n"
                "checkpoint: {every_steps: 5}\n"
                "objective: {preset: grpo, kl: {coefficient: 0.1}}\n"
                "rlvr: {rollout: {group_size: 4, fixed_lag: 2, sampling: {max_completion_tokens: "
                "9}}}\n");
  ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job, "--output", "json", "--kv_cache_tokens", "160"}),
            common::kExitOk)
      << err_.str();
  const auto report = nlohmann::json::parse(out_.str());
  const auto& learner = report["learner_rank"];
  EXPECT_EQ(learner["world_size"], 3);
  EXPECT_EQ(learner["microbatch_tokens"], 60) << "the longest sequence has a microbatch of its own";
  EXPECT_EQ(learner["reference_bytes"], 4 * 23648);
  EXPECT_EQ(learner["optimizer_bytes"], 2 * learner["weights_bytes"].get<int64_t>());
  EXPECT_EQ(learner["rank_0_shared_memory_bytes"], 4 * 4 * 23648);
  EXPECT_EQ(learner["snapshot_bytes"], 3 * 32512) << "the fullest of three parts of whole parameters";
  EXPECT_GT(3 * 32512, learner["weights_bytes"].get<int64_t>()) << "a third of which would be less";
  const int64_t kv = report["kv_bytes_per_token"];
  EXPECT_EQ(kv, 2 * 2 * 2 * 16 * 4);
  EXPECT_EQ(report["kv_bytes_of_group"], 4 * 60 * kv);
  EXPECT_EQ(report["rollout_worker"]["kv_cache_bytes_per_version"], 160 * kv);
  ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("all 3 ranks"), HasSubstr("reference policy"), HasSubstr("a group of 4")));
}

TEST_F(ModelVerbsTest, InspectOfAJobInBf16CountsHalfWhereItIsBf16) {
  ASSERT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  const std::string job = WriteFile("job.yaml",
                                    "model: {precision: bf16}\n"
                                    "objective: {preset: grpo, kl: {coefficient: 0.1}}\n"
                                    "rlvr: {rollout: {group_size: 4, sampling: {max_completion_tokens: 9}}}\n");
  ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job, "--output", "json"}), common::kExitOk) << err_.str();
  const auto report = nlohmann::json::parse(out_.str());
  EXPECT_EQ(report["precision"], "bf16");
  EXPECT_EQ(report["learner_rank"]["reference_bytes"], 2 * 23648);
  EXPECT_EQ(report["rollout_worker"]["weights_bytes_per_version"], 2 * 23648);
  EXPECT_EQ(report["rollout_worker"]["fetch_buffer_bytes"], 4 * 23648);
  EXPECT_EQ(report["kv_bytes_per_token"], 2 * 2 * 2 * 16 * 2);
  ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("weights, fp32"), HasSubstr("reference policy, bf16"),
                                HasSubstr("weights, bf16, each of 2 versions"), HasSubstr("KV CACHE, bf16")));
}

TEST_F(ModelVerbsTest, InspectOfAJobWithAShardedOptimizerCountsTheShareOfARank) {
  ASSERT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  const std::string job =
      WriteFile("job.yaml",
                "training: {world_size: 4}\noptimizer: {sharding: zero1}\nobjective: {preset: grpo}\n"
                "rlvr: {rollout: {group_size: 4, sampling: {max_completion_tokens: 9}}}\n");
  ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job, "--output", "json"}), common::kExitOk) << err_.str();
  const auto report = nlohmann::json::parse(out_.str());
  const int64_t weights = report["learner_rank"]["weights_bytes"];
  EXPECT_EQ(report["learner_rank"]["optimizer_bytes"], weights / 2);
  EXPECT_EQ(report["learner_rank"]["gathered_optimizer_bytes"], 2 * 26752) << "of the fullest part";
  EXPECT_GT(2 * 26752, weights / 2);
  ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("one of 4 shards"));
}

TEST_F(ModelVerbsTest, InspectOfAJobThatRecomputesActivationsCountsThoseOfOneLayer) {
  ASSERT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  std::vector<int64_t> bytes;
  for (const std::string training : {"{world_size: 1}", "{world_size: 1, recompute_activations: true}"}) {
    const std::string job =
        WriteFile("job.yaml", "training: " + training +
                                  "\nobjective: {preset: grpo}\n"
                                  "rlvr: {rollout: {group_size: 4, sampling: {max_completion_tokens: 9}}}\n");
    ASSERT_EQ(Run({"inspect", dir_.Join("model"), "-f", job, "--output", "json"}), common::kExitOk) << err_.str();
    bytes.push_back(nlohmann::json::parse(out_.str())["learner_rank"]["activations_bytes"]);
  }
  EXPECT_LT(bytes[1], bytes[0]);
}

TEST_F(ModelVerbsTest, InspectRefusesWhatASubmitWouldRefuse) {
  ASSERT_EQ(Init({"--template", dir_.Join("template")}), common::kExitOk) << err_.str();
  const std::string job = WriteFile("job.yaml", "training: {max_sequence_tokens: 100000000}\n");
  EXPECT_EQ(Run({"inspect", dir_.Join("model"), "-f", job}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("job.yaml: training.max_sequence_tokens"), HasSubstr("(100000000)")));
  EXPECT_EQ(Run({"inspect", dir_.Join("absent")}), common::kExitNotFound);
  EXPECT_THAT(err_.str(), HasSubstr("absent/config.json"));
  std::filesystem::resize_file(dir_.Join("model/model.safetensors"), 30'000);
  EXPECT_NE(Run({"inspect", dir_.Join("model")}), common::kExitOk);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("model.safetensors: tensor "), HasSubstr("truncated")));
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace cohort::cli
