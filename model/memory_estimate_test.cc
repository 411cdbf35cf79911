// SPDX-License-Identifier: Apache-2.0
#include "model/memory_estimate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/architectures/parameter_spec.h"

namespace cohort::model {
namespace {

// Small enough to be counted by hand.
ModelConfig SmallConfig() {
  ModelConfig config;
  config.vocab_size = 10;
  config.hidden_size = 4;
  config.intermediate_size = 6;
  config.num_layers = 3;
  config.num_heads = 2;
  config.num_kv_heads = 1;
  config.head_dim = 8;
  config.has_qk_norm = true;
  config.tie_word_embeddings = true;
  return config;
}

std::vector<ParameterSpec> SmallParameters(bool is_tied) {
  const std::vector<ParameterSpec> layer_parameters = {
      {"input_layernorm", {4}}, {"q_proj", {16, 4}}, {"k_proj", {8, 4}},    {"v_proj", {8, 4}},
      {"q_norm", {8}},          {"k_norm", {8}},     {"o_proj", {4, 16}},   {"post_attention_layernorm", {4}},
      {"gate_proj", {6, 4}},    {"up_proj", {6, 4}}, {"down_proj", {4, 6}},
  };
  std::vector<ParameterSpec> parameters = {{"model.embed_tokens.weight", {10, 4}}};
  for (int layer = 0; layer < 3; ++layer) {
    for (const ParameterSpec& parameter : layer_parameters) {
      parameters.push_back({"model.layers." + std::to_string(layer) + "." + parameter.name, parameter.shape});
    }
  }
  parameters.push_back({"model.norm.weight", {4}});
  if (!is_tied) parameters.push_back({"lm_head.weight", {10, 4}});
  return parameters;
}

// 4 + 64 + 32 + 32 + 8 + 8 + 64 + 4 + 3 x 24
constexpr int64_t kPerLayer = 288;
constexpr int64_t kTotal = 40 + 3 * kPerLayer + 4;

// 100 tokens, padded.
constexpr int64_t kRows = 104;
// Of a layer: norms 2 x (4 + 4 + 1), attention 2 x 16 + 2 x 8 + 2 x 2, its norms 16 + 8 + 2 + 1, feed-forward 3 x 6.
constexpr int64_t kKeptPerLayer = 18 + 52 + 27 + 18;
// Angles of 8, id and position; behind the layers 4 + 1, the trained row of 4, its target, log-prob and entropy.
constexpr int64_t kKeptPerRow = 3 * kKeptPerLayer + (8 + 4) + (5 + 4 + 4);

int64_t FullestPass(const ModelConfig& config, int64_t microbatch_tokens) {
  const LearnerMemory memory =
      EstimateLearnerMemory(config, SmallParameters(/*is_tied=*/true), {.microbatch_tokens = microbatch_tokens});
  return memory.activations + memory.backward;
}

TEST(MemoryEstimateTest, ParametersAreCountedByPlace) {
  ParameterCounts counts = CountParameters(SmallParameters(/*is_tied=*/true), /*num_layers=*/3);
  EXPECT_EQ(counts.total, kTotal);
  EXPECT_EQ(counts.embedding, 40);
  EXPECT_EQ(counts.output_head, 0);
  EXPECT_EQ(counts.per_layer, kPerLayer);
  EXPECT_EQ(counts.other, 4);
  counts = CountParameters(SmallParameters(/*is_tied=*/false), /*num_layers=*/3);
  EXPECT_EQ(counts.total, kTotal + 40);
  EXPECT_EQ(counts.output_head, 40);
  EXPECT_EQ(counts.other, 4);
}

TEST(MemoryEstimateTest, KvCacheHoldsKeysAndValuesOfEveryLayer) {
  EXPECT_EQ(KvBytesPerToken(SmallConfig()), 2 * 3 * 1 * 8 * 4);
}

TEST(MemoryEstimateTest, LearnerHoldsFourFlatBuffersAndOnePass) {
  const ModelConfig config = SmallConfig();
  const LearnerMemory memory =
      EstimateLearnerMemory(config, SmallParameters(/*is_tied=*/true),
                            {.microbatch_tokens = 100, .held_versions = 3, .seals_while_training = true});
  // Each tensor takes whole lines of 16 numbers: 48 + 3 x (16 + 64 + 32 + 32 + 16 + 16 + 64 + 16 + 3 x 32) + 16.
  constexpr int64_t kFlat = 4 * (48 + 3 * 352 + 16);
  EXPECT_EQ(memory.weights, kFlat);
  EXPECT_EQ(memory.gradients, kFlat);
  EXPECT_EQ(memory.optimizer, 2 * kFlat);
  EXPECT_EQ(memory.reference, 0);
  EXPECT_EQ(memory.activations, kRows * kKeptPerRow * 4);
  // At the head: gradients of the trained rows and of their log-probs, their logits, the gradient of the projection.
  EXPECT_EQ(memory.backward, (kRows * (4 + 1) + kRows * 10 + 10 * 4) * 4);
  EXPECT_EQ(memory.total, 4 * kFlat + memory.activations + memory.backward);
  EXPECT_EQ(memory.published, 3 * 4 * kTotal);
  EXPECT_EQ(memory.snapshot, 3 * memory.weights);
  EXPECT_EQ(EstimateLearnerMemory(config, SmallParameters(/*is_tied=*/true), {}).snapshot, 0);
}

TEST(MemoryEstimateTest, RankCopiesItsShareForACheckpointOrTheLargestParameter) {
  const auto parameters = SmallParameters(/*is_tied=*/true);
  const auto snapshot = [&](int64_t num_ranks) {
    return EstimateLearnerMemory(SmallConfig(), parameters, {.num_ranks = num_ranks, .seals_while_training = true})
        .snapshot;
  };
  EXPECT_EQ(snapshot(4), 3 * 4 * 288) << "parameters are whole: 280 would be a quarter";
  EXPECT_EQ(snapshot(1000), 3 * 4 * 64) << "of a projection";
}

TEST(MemoryEstimateTest, RecomputedLayersKeepTheirInputsAndTheActivationsOfOne) {
  const ModelConfig config = SmallConfig();
  const auto parameters = SmallParameters(/*is_tied=*/true);
  const LearnerMemory memory =
      EstimateLearnerMemory(config, parameters, {.microbatch_tokens = 100, .recomputes_activations = true});
  constexpr int64_t kShared = 8 + 4;
  EXPECT_EQ(memory.activations, kRows * (3 * 4 + kShared + 13) * 4);
  // SwiGLU of the last layer: what that layer keeps, the gradients of its output, gate and up; that of the projection
  // behind it and the one that waits for the embedding's.
  EXPECT_EQ(memory.activations + memory.backward,
            (kRows * (3 * 4 + kShared + kKeptPerLayer + 4 + 2 * 6) + 40 + 24) * 4);
}

TEST(MemoryEstimateTest, HeadsWithoutANormKeepNothingBeforeTheRotation) {
  ModelConfig config = SmallConfig();
  config.has_qk_norm = false;
  EXPECT_EQ(FullestPass(SmallConfig(), 100) - FullestPass(config, 100), kRows * 3 * 27 * 4);
}

TEST(MemoryEstimateTest, LogitsAreNeverMoreThanAChunk) {
  constexpr int64_t kPerRow = kKeptPerRow + 4 + 1;
  EXPECT_EQ(FullestPass(SmallConfig(), 1024), (1024 * kPerRow + 1024 * 10 + 40) * 4);
  EXPECT_EQ(FullestPass(SmallConfig(), 4096), (4096 * kPerRow + 1024 * 10 + 40) * 4);
}

TEST(MemoryEstimateTest, WideFeedForwardNeedsMoreThanTheHead) {
  ModelConfig config = SmallConfig();
  config.intermediate_size = 1000;
  // Without what was kept behind the layers; the gradients of the layer's output, of gate and of up, and what was made
  // of those two gives way to its gradient.
  constexpr int64_t kPerRow = kKeptPerRow + 3 * 3 * (1000 - 6) - 13 + 4 + 2 * 1000;
  EXPECT_EQ(FullestPass(config, 100), (kRows * kPerRow + 40) * 4);
  config.tie_word_embeddings = false;
  EXPECT_EQ(FullestPass(config, 100), kRows * kPerRow * 4) << "no gradient waits for the embedding's";
}

TEST(MemoryEstimateTest, FewTokensNeedMostForTheGradientOfTheEmbedding) {
  ModelConfig config = SmallConfig();
  config.vocab_size = 1000;
  config.hidden_size = 2048;
  EXPECT_EQ(FullestPass(config, 1), (2 * 1000 * 2048 + 16 * (2048 + 8 + 4)) * 4) << "of it and of the tied head";
}

// Layers of 100 and 50 numbers, which take 112 and 64, beside 20, which take 32.
TEST(MemoryEstimateTest, RankThatSharesLayersHoldsItsPieceOfEachAndTwoWhole) {
  using Kind = ParameterSpec::Kind;
  const std::vector<ParameterSpec> parameters = {
      {"embedding", {20}}, {"0.up", {100}, Kind::kMatrix, /*layer=*/0}, {"1.up", {50}, Kind::kMatrix, 1}};
  const LearnerMemory memory = EstimateLearnerMemory(
      SmallConfig(), parameters, {.has_reference = true, .optimizer_shards = 2, .shards_layers = true});
  // Two ranks share multiples of 32 numbers.
  constexpr int64_t kHeld = 32 + 128 / 2 + 64 / 2;
  EXPECT_EQ(memory.weights, 4 * (kHeld + 2 * 128));
  EXPECT_EQ(memory.gradients, memory.weights);
  EXPECT_EQ(memory.reference, memory.weights);
  EXPECT_EQ(memory.optimizer, 4 * 2 * (32 + 112 + 64) / 2);
  EXPECT_EQ(memory.gathered_weights, 4 * (32 + 112 + 64));
}

// Whole parameters: two of three equal ones for a rank of two.
TEST(MemoryEstimateTest, CopyForCheckpointsIsOfTheFullestPart) {
  const std::vector<ParameterSpec> parameters = {{"a", {32}}, {"b", {32}}, {"c", {32}}};
  const LearnerMemory memory =
      EstimateLearnerMemory(SmallConfig(), parameters, {.num_ranks = 2, .seals_while_training = true});
  EXPECT_EQ(memory.snapshot, 3 * 4 * 64);
}

TEST(MemoryEstimateTest, ReferencePolicyIsOneMoreCopyOfTheWeights) {
  const ModelConfig config = SmallConfig();
  const auto parameters = SmallParameters(/*is_tied=*/true);
  const LearnerMemory without = EstimateLearnerMemory(config, parameters, {});
  const LearnerMemory with = EstimateLearnerMemory(config, parameters, {.has_reference = true});
  EXPECT_EQ(with.reference, 4 * kTotal);
  EXPECT_EQ(with.total - without.total, 4 * kTotal);
}

TEST(MemoryEstimateTest, RanksThatShareTheOptimizerHaveAPartOfItsMomentsEach) {
  const ModelConfig config = SmallConfig();
  const auto parameters = SmallParameters(/*is_tied=*/true);
  const LearnerMemory whole = EstimateLearnerMemory(config, parameters, {});
  const LearnerMemory shared = EstimateLearnerMemory(config, parameters, {.num_ranks = 4, .optimizer_shards = 4});
  EXPECT_EQ(whole.gathered_optimizer, 0);
  EXPECT_EQ(shared.optimizer * 4, whole.optimizer);
  EXPECT_EQ(whole.total - shared.total, whole.optimizer - shared.optimizer);
  EXPECT_EQ(shared.gathered_optimizer, 2 * 4 * 288) << "of the parameters that a rank writes, which are whole";
}

TEST(MemoryEstimateTest, WorkerHoldsTwoVersionsWithACacheEach) {
  const ModelConfig config = SmallConfig();
  const WorkerMemory memory =
      EstimateWorkerMemory(config, SmallParameters(/*is_tied=*/true), {.kv_cache_tokens = 33, .max_sequences = 5});
  EXPECT_EQ(memory.weights, 4 * kTotal);
  EXPECT_EQ(memory.kv_cache, 48 * KvBytesPerToken(config)) << "whole blocks of 16 tokens";
  EXPECT_EQ(memory.logits, 5 * 10 * 4);
  EXPECT_EQ(memory.fetch_buffer, 4 * kTotal);
  EXPECT_EQ(memory.total, 3 * 4 * kTotal + 2 * memory.kv_cache + memory.logits);
}

TEST(MemoryEstimateTest, Bf16WorkerHoldsHalfButFetchesFp32) {
  const ModelConfig config = SmallConfig();
  EXPECT_EQ(2 * KvBytesPerToken(config, Precision::kBf16), KvBytesPerToken(config));
  const WorkerMemory memory =
      EstimateWorkerMemory(config, SmallParameters(/*is_tied=*/true),
                           {.kv_cache_tokens = 33, .max_sequences = 5, .precision = Precision::kBf16});
  EXPECT_EQ(memory.weights, 2 * kTotal);
  EXPECT_EQ(memory.kv_cache, 48 * KvBytesPerToken(config) / 2);
  EXPECT_EQ(memory.logits, 5 * 10 * 4) << "fp32";
  EXPECT_EQ(memory.fetch_buffer, 4 * kTotal);
}

TEST(MemoryEstimateTest, Bf16HalvesActivationsAndReferenceAlone) {
  const auto estimate = [](Precision precision) {
    return EstimateLearnerMemory(SmallConfig(), SmallParameters(/*is_tied=*/true),
                                 {.microbatch_tokens = 100, .has_reference = true, .precision = precision});
  };
  const LearnerMemory fp32 = estimate(Precision::kFp32), bf16 = estimate(Precision::kBf16);
  EXPECT_EQ(bf16.weights, fp32.weights);
  EXPECT_EQ(bf16.gradients, fp32.gradients);
  EXPECT_EQ(bf16.optimizer, fp32.optimizer);
  EXPECT_EQ(2 * bf16.reference, fp32.reference);
  // Of a layer the deviations of two norms and of 2 + 1 heads, and the maximum and the sum of 2 heads; of a row angles
  // of 8, id and position, a deviation, a target, a log-prob and an entropy.
  constexpr int64_t kFp32PerRow = 3 * (2 + 3 + 4) + (8 + 4) + (1 + 4);
  EXPECT_EQ(bf16.activations, kRows * (2 * (kKeptPerRow - kFp32PerRow) + 4 * kFp32PerRow));
}

TEST(MemoryEstimateTest, BoundedProductDoesNotOverflow) {
  EXPECT_EQ(BoundedProduct(3, 7), 21);
  EXPECT_EQ(BoundedProduct(0, INT64_MAX), 0);
  EXPECT_EQ(BoundedProduct(int64_t{1} << 30, int64_t{1} << 30), int64_t{1} << 60);
  EXPECT_EQ(BoundedProduct(int64_t{1} << 31, int64_t{1} << 30), int64_t{1} << 60);
  EXPECT_EQ(BoundedProduct(int64_t{1} << 62, int64_t{1} << 62), int64_t{1} << 60);
}

TEST(MemoryEstimateTest, AbsurdLoadStaysANumber) {
  ModelConfig config = SmallConfig();
  const LearnerMemory memory =
      EstimateLearnerMemory(config, SmallParameters(/*is_tied=*/true), {.microbatch_tokens = int64_t{1} << 62});
  EXPECT_GT(memory.total, int64_t{1} << 60);
  // The most that config.json and the worker's flag may say.
  config.num_layers = 10'000;
  config.num_kv_heads = 1 << 14;
  config.head_dim = 1 << 8;
  const WorkerMemory worker = EstimateWorkerMemory(config, SmallParameters(/*is_tied=*/true),
                                                   {.kv_cache_tokens = int64_t{1} << 34, .max_sequences = 65536});
  EXPECT_EQ(worker.kv_cache, int64_t{1} << 60);
  EXPECT_GT(worker.total, int64_t{1} << 61);
}

}  // namespace
}  // namespace cohort::model
