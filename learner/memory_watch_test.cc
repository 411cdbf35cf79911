// SPDX-License-Identifier: Apache-2.0
// The estimate against what train steps take.
#include "learner/memory_watch.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "kernels/torch/tensor_memory.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/train_step_fixture.h"
#include "model/architectures/architecture_table.h"
#include "model/memory_estimate.h"
#include "model/parallel/single_rank_group.h"
#include "model/weights/model_folder.h"

namespace cohort::learner {
namespace {

constexpr int kPromptTokens = 4, kCompletionTokens = 60, kGroupSize = 4;
constexpr int kGroupTokens = kGroupSize * (kPromptTokens + kCompletionTokens);

// Two groups are 512 packed tokens.
WholeStep LongStep(int num_groups) {
  WholeStep step;
  step.plan.set_action(cohort::v1::STEP_ACTION_TRAIN);
  for (int g = 0; g < num_groups; ++g) {
    cohort::v1::PlannedGroup* planned = step.plan.add_groups();
    cohort::v1::RolloutGroup& group = step.groups.emplace_back();
    planned->set_group_id(g);
    group.set_group_id(g);
    planned->set_prompt_tokens(kPromptTokens);
    for (int i = 0; i < kPromptTokens; ++i) group.add_prompt_token_ids(2 + i);
    for (int s = 0; s < kGroupSize; ++s) {
      cohort::v1::Rollout* rollout = group.add_rollouts();
      for (int i = 0; i < kCompletionTokens; ++i) {
        rollout->add_token_ids(2 + (7 * s + i) % 51);
        rollout->add_behavior_logprobs(-1.0f);
      }
      planned->add_completion_tokens(kCompletionTokens);
      planned->add_rewards(s % 2);
      planned->add_outcomes(cohort::v1::SCORE_OUTCOME_GRADED);
    }
  }
  return step;
}

class MemoryWatchTest : public TrainStepFixture {
 protected:
  void SetUp() override { model_path_ = MakeModel(/*is_tied=*/true, /*intermediate_size=*/768); }

  // 2 million parameters in 2 layers, so that neither they nor the activations of some hundred tokens are a trifle.
  std::string MakeModel(bool is_tied, int intermediate_size) {
    const std::string directory = dir_.Join(absl::StrCat(is_tied ? "tied" : "untied", intermediate_size));
    std::filesystem::create_directories(directory + "/template");
    std::ofstream(directory + "/template/config.json")
        << R"({
      "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 2048, "hidden_size": 256,
      "head_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 4,
      "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu",
      "initializer_range": 0.02, "eos_token_id": 1, "tie_word_embeddings": )"
        << (is_tied ? "true" : "false") << ", \"intermediate_size\": " << intermediate_size << "}";
    std::filesystem::copy_file("model/testdata/tokenizers/characters/tokenizer.json",
                               directory + "/template/tokenizer.json");
    EXPECT_OK(model::WriteRandomModel(directory + "/template", directory + "/model", /*seed=*/1));
    return directory + "/model";
  }

  static MemoryWatch WatchOf(const Rank& rank, const model::LearnerLoad& load, kernels::TensorMemory* tensors) {
    return MemoryWatch(rank.state.decoder->config(), load, tensors);
  }

  // Trains one step alone and holds what it took against what was predicted for its largest microbatch.
  void ExpectPredicted(const RunSettings& settings, int64_t microbatch_tokens) {
    kernels::TensorMemory tensors;
    model::SingleRankGroup group;
    const std::unique_ptr<Rank> rank = MakeRank(settings, &group);
    MemoryWatch watch = WatchOf(*rank,
                                {.has_reference = rank->reference.decoder != nullptr,
                                 .recomputes_activations = settings.recompute_activations,
                                 .precision = settings.precision},
                                &tensors);
    watch.BeginStep();
    const auto outcome = RunStep(rank.get(), LongStep(/*num_groups=*/4));
    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->largest_microbatch_tokens, microbatch_tokens);
    watch.EndStep(outcome->largest_microbatch_tokens, /*copied_bytes=*/0);
    const MemoryWatch::Peak& peak = watch.peak();
    const double ratio = static_cast<double>(peak.measured_bytes) / static_cast<double>(peak.predicted_bytes);
    EXPECT_NEAR(ratio, 1, 0.1) << peak.measured_bytes << " of " << peak.predicted_bytes << " predicted";
  }
};

TEST_F(MemoryWatchTest, StepTakesWhatIsPredictedHoweverItsBatchIsCut) {
  for (const int64_t budget : {1024, 512, 256, 64}) {
    ExpectPredicted({.num_updates = 1, .max_tokens_per_microbatch = budget}, budget);
  }
}

TEST_F(MemoryWatchTest, RecomputedActivationsArePredicted) {
  for (const int64_t budget : {512, 1024}) {
    ExpectPredicted({.num_updates = 1, .max_tokens_per_microbatch = budget, .recompute_activations = true}, budget);
  }
}

TEST_F(MemoryWatchTest, ReferencePolicyIsPredicted) {
  cohort::v1::ObjectiveSpec objective;
  objective.set_preset("grpo");
  objective.mutable_kl()->set_coefficient(0.1);
  ExpectPredicted({.num_updates = 1, .max_tokens_per_microbatch = 512, .objective = objective}, 512);
}

TEST_F(MemoryWatchTest, UntiedHeadIsPredicted) {
  model_path_ = MakeModel(/*is_tied=*/false, /*intermediate_size=*/768);
  ExpectPredicted({.num_updates = 1, .max_tokens_per_microbatch = 512}, 512);
}

TEST_F(MemoryWatchTest, WideFeedForwardIsPredicted) {
  model_path_ = MakeModel(/*is_tied=*/true, /*intermediate_size=*/3072);
  ExpectPredicted({.num_updates = 1, .max_tokens_per_microbatch = 512}, 512);
}

TEST_F(MemoryWatchTest, Bf16IsPredicted) {
  for (const int64_t budget : {1024, 512, 64}) {
    for (const bool recompute : {false, true}) {
      ExpectPredicted({.num_updates = 1,
                       .max_tokens_per_microbatch = budget,
                       .recompute_activations = recompute,
                       .precision = model::Precision::kBf16},
                      budget);
    }
  }
  cohort::v1::ObjectiveSpec objective;
  objective.set_preset("grpo");
  objective.mutable_kl()->set_coefficient(0.1);
  ExpectPredicted({.num_updates = 1,
                   .max_tokens_per_microbatch = 512,
                   .objective = objective,
                   .precision = model::Precision::kBf16},
                  512);
  model_path_ = MakeModel(/*is_tied=*/false, /*intermediate_size=*/3072);
  ExpectPredicted({.num_updates = 1, .max_tokens_per_microbatch = 512, .precision = model::Precision::kBf16}, 512);
}

// Two ranks, of which rank 1 has no sequence: the process holds its buffers beside what rank 0 trains with.
class SharedStateMemoryTest : public MemoryWatchTest {
 protected:
  void ExpectPredictedOf(const RunSettings& settings, model::LearnerLoad load) {
    kernels::TensorMemory tensors;
    int64_t measured_bytes = 0, predicted_bytes = 0;
    RunRanks(2, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank(settings, group);
      ASSERT_OK(group->Barrier());
      if (group->rank() == 0) tensors.Restart();
      ASSERT_OK(group->Barrier());
      const auto outcome = RunStep(rank.get(), LongStep(/*num_groups=*/1));
      ASSERT_OK(outcome);
      ASSERT_OK(group->Barrier());  // neither frees its buffers before the peak is read
      EXPECT_EQ(outcome->largest_microbatch_tokens, group->rank() == 0 ? kGroupTokens : 0);
      if (group->rank() == 0) {
        measured_bytes = tensors.peak_bytes();
        const model::ModelConfig& config = rank->state.decoder->config();
        const auto parameters = model::FindArchitecture(config.architecture)->parameters(config);
        for (const int64_t tokens : {kGroupTokens, 0}) {
          load.microbatch_tokens = tokens;
          predicted_bytes += model::EstimateLearnerMemory(config, parameters, load).total;
        }
      }
      ASSERT_OK(group->Barrier());
    });
    EXPECT_NEAR(static_cast<double>(measured_bytes) / static_cast<double>(predicted_bytes), 1, 0.1)
        << measured_bytes << " of " << predicted_bytes << " predicted";
  }
};

TEST_F(SharedStateMemoryTest, Zero1IsPredicted) {
  ExpectPredictedOf({.world_size = 2, .num_updates = 1, .sharding = cohort::v1::OPTIMIZER_SHARDING_ZERO1},
                    {.optimizer_shards = 2});
}

TEST_F(SharedStateMemoryTest, Zero3IsPredicted) {
  RunSettings settings = {.world_size = 2, .num_updates = 1, .sharding = cohort::v1::OPTIMIZER_SHARDING_ZERO3};
  settings.objective.set_preset("grpo");
  settings.objective.mutable_kl()->set_coefficient(0.1);
  ExpectPredictedOf(
      settings, {.has_reference = true, .optimizer_shards = 2, .shards_layers = true, .recomputes_activations = true});
}

TEST_F(MemoryWatchTest, StepThatTookMostIsToldWithTheCopyThatItMet) {
  kernels::TensorMemory tensors;
  model::SingleRankGroup group;
  const std::unique_ptr<Rank> rank = MakeRank({}, &group);
  MemoryWatch watch = WatchOf(*rank, {.microbatch_tokens = 100}, &tensors);
  const auto step = [&](int64_t bytes, int64_t microbatch_tokens, int64_t copied_bytes) {
    watch.BeginStep();
    { const at::Tensor tensor = at::empty({bytes}, at::kByte); }
    watch.EndStep(microbatch_tokens, copied_bytes);
  };
  step(1 << 20, 80, 0);
  const int64_t predicted = watch.peak().predicted_bytes;
  EXPECT_LT(predicted, watch.most_bytes()) << "of 100 tokens";
  EXPECT_GE(watch.peak().measured_bytes, tensors.live_bytes() + (1 << 20));
  step(4 << 20, 80, 5000);
  EXPECT_EQ(watch.peak().predicted_bytes, predicted + 5000);
  step(2 << 20, 100, 0);
  EXPECT_EQ(watch.peak().microbatch_tokens, 80) << "the largest peak stands";
  EXPECT_GE(watch.peak().measured_bytes, tensors.live_bytes() + (4 << 20));
}

}  // namespace
}  // namespace cohort::learner
