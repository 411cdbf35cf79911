// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "absl/strings/match.h"
#include "kernels/torch/logprob_op.h"
#include "model/frozen_parameters.h"
#include "model/logprob.h"
#include "model/scalar_type.h"
#include "model/testing/packed_sequences.h"
#include "model/testing/tiny_model.h"

namespace cohort::model {
namespace {

// Plays an engine: sequences join at random, are prefilled in random chunks, decode one token per step beside others,
// and leave. Returns every row's hidden state in packed order.
at::Tensor RunPaged(const Decoder& decoder, const Sequences& sequences, uint64_t seed) {
  std::mt19937 generator(seed);
  const ModelConfig& config = decoder.config();
  std::vector<std::vector<int32_t>> tables;
  int32_t num_blocks = 0;
  for (const auto& ids : sequences) {
    tables.emplace_back();
    for (size_t t = 0; t < ids.size(); t += KvCache::kBlockTokens) tables.back().push_back(num_blocks++);
  }
  std::vector<int32_t> shuffled(num_blocks);
  std::iota(shuffled.begin(), shuffled.end(), 0);
  std::shuffle(shuffled.begin(), shuffled.end(), generator);
  for (auto& table : tables) {
    for (int32_t& block : table) block = shuffled[block];
  }
  KvCache cache(config, num_blocks, at::kCPU, decoder.precision());
  cache.keys(0).fill_(1e9f);  // what a former owner may have left
  const PackedBatch packed = Pack(sequences);
  at::Tensor hidden =
      at::empty({static_cast<int64_t>(packed.token_ids.size()), config.hidden_size}, ScalarTypeOf(decoder.precision()));
  std::vector<size_t> done(sequences.size(), 0);
  std::vector<size_t> prompt;
  for (const auto& ids : sequences) prompt.push_back(1 + generator() % ids.size());
  while (true) {
    PagedBatch batch;
    std::vector<int64_t> packed_row;
    bool finished = true;
    for (size_t s = 0; s < sequences.size(); ++s) {
      if (done[s] == sequences[s].size()) continue;
      finished = false;
      if (generator() % 3 == 0) continue;  // waits in this step
      const size_t chunk = done[s] < prompt[s] ? 1 + generator() % (prompt[s] - done[s]) : 1;
      batch.block_tables.push_back(tables[s]);
      for (size_t i = 0; i < chunk; ++i, ++done[s]) {
        batch.token_ids.push_back(sequences[s][done[s]]);
        batch.positions.push_back(static_cast<int32_t>(done[s]));
        batch.sequences.push_back(static_cast<int32_t>(batch.block_tables.size()) - 1);
        packed_row.push_back(packed.cu_seqlens[s] + static_cast<int64_t>(done[s]));
      }
    }
    if (finished) return hidden;
    const auto rows = decoder.ForwardPaged(batch, &cache);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (size_t t = 0; t < packed_row.size(); ++t) hidden[packed_row[t]].copy_((*rows)[static_cast<int64_t>(t)]);
  }
}

class DecoderBitsTest : public ThreadsTest {};

// The learner trains fp32 parameters; the sampler has them as FrozenParameters makes them, in bf16 rounded.
void ExpectTrainingBits(Precision precision) {
  const std::vector<TinyVariant> variants = BitVariants();
  for (uint64_t seed = 0; seed < variants.size(); ++seed) {
    SCOPED_TRACE(variants[seed].name);
    const ModelConfig& config = variants[seed].config;
    const ParameterMap parameters = RandomParameters(config, seed);
    const auto sampling = MakeDecoder(config, FrozenParameters(parameters, precision).value(), precision);
    for (const auto& [name, tensor] : parameters.entries) tensor.requires_grad_(true);
    const auto decoder = MakeDecoder(config, parameters, precision);
    const Sequences sequences = RandomSequences({37, 1, 16, 70, 5, 33, 17, 64, 2, 48}, config.vocab_size, seed);
    const PackedBatch batch = Pack(sequences);
    const at::Tensor trained = decoder->ForwardPacked(batch).value();
    EXPECT_TRUE(trained.requires_grad());
    EXPECT_EQ(trained.scalar_type(), ScalarTypeOf(precision));
    const at::Tensor cached = RunPaged(*sampling, sequences, seed + 100);
    EXPECT_EQ(DifferentRows(trained, cached), 0);

    // Log-probs as the sampler gets them, a few rows at a time, against the learner's.
    std::vector<int32_t> targets(batch.token_ids.begin() + 1, batch.token_ids.end());
    targets.push_back(0);
    const TokenLogprobs learner = ComputeTokenLogprobs(trained, decoder->OutputWeight(), targets, 0.7, 64).value();
    EXPECT_TRUE(learner.logprobs_T.requires_grad());
    EXPECT_FALSE(learner.entropies_T.requires_grad());
    for (int64_t first = 0; first < cached.size(0);) {
      const int64_t count = std::min<int64_t>(1 + first % 11, cached.size(0) - first);
      const at::Tensor logits =
          ComputeLogits(cached.narrow(0, first, count), sampling->OutputWeight()).value().contiguous();
      EXPECT_EQ(logits.scalar_type(), at::kFloat);
      const at::Tensor chosen =
          at::tensor(std::vector<int64_t>(targets.begin() + first, targets.begin() + first + count));
      const auto sampler = kernels::LogprobForward(logits, chosen, 0.7);
      EXPECT_EQ(DifferentRows(sampler.logprobs_T, learner.logprobs_T.narrow(0, first, count)), 0);
      EXPECT_EQ(DifferentRows(sampler.entropies_T, learner.entropies_T.narrow(0, first, count)), 0);
      first += count;
    }
  }
}

TEST_P(DecoderBitsTest, CachedPassGivesTheBitsOfTheTrainingPass) { ExpectTrainingBits(Precision::kFp32); }

TEST_P(DecoderBitsTest, CachedPassGivesTheBitsOfTheTrainingPassInBf16) { ExpectTrainingBits(Precision::kBf16); }

TEST_P(DecoderBitsTest, RowDoesNotDependOnItsPacking) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    for (const auto& [name, config] : TinyVariants()) {
      const auto decoder = MakeDecoder(config, RandomParameters(config, 5), precision);
      const Sequences sequences = RandomSequences({3, 90, 8, 1, 41, 200, 7}, config.vocab_size, 5);
      const at::Tensor together = decoder->ForwardPacked(Pack(sequences)).value();
      int64_t first = 0;
      for (const auto& ids : sequences) {
        const at::Tensor alone = decoder->ForwardPacked(Pack({ids})).value();
        EXPECT_EQ(DifferentRows(alone, together.narrow(0, first, alone.size(0))), 0) << name << ", " << ids.size();
        first += alone.size(0);
      }
    }
  }
}

TEST(DecoderTest, RowDependsOnNoTokenBeforeItsWindows) {
  ModelConfig config = TinyVariants().back().config;
  config.attention_windows = {5, 5};
  const auto decoder = MakeDecoder(config, RandomParameters(config, 6));
  Sequences sequences = RandomSequences({40}, config.vocab_size, 6);
  const at::Tensor before = decoder->ForwardPacked(Pack(sequences)).value();
  sequences[0][10] = (sequences[0][10] + 1) % 50;
  const at::Tensor after = decoder->ForwardPacked(Pack(sequences)).value();
  for (int64_t row = 0; row < 40; ++row) {  // two layers reach 4 + 4 tokens back
    EXPECT_EQ(DifferentRows(before.narrow(0, row, 1), after.narrow(0, row, 1)) != 0, row >= 10 && row <= 18) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, DecoderBitsTest, testing::Values(1, 2));

// Sum over tokens of a weight times the next token's log-prob, in fp64 by ATen alone.
at::Tensor DoubleLoss(const Decoder& decoder, const PackedBatch& batch, const std::vector<int32_t>& targets,
                      const at::Tensor& weights_T, double temperature) {
  const at::Tensor logits = at::linear(decoder.ForwardPacked(batch).value(), decoder.OutputWeight()) / temperature;
  const at::Tensor chosen = at::tensor(std::vector<int64_t>(targets.begin(), targets.end()), at::kLong).unsqueeze(1);
  return (at::log_softmax(logits, -1).gather(1, chosen).squeeze(1) * weights_T).sum();
}

TEST(DecoderTest, GradientsAgreeWithDoublePrecision) {
  for (const auto& [variant, config] : TinyVariants()) {
    const ParameterMap parameters = RandomParameters(config, 9);
    ParameterMap doubles;
    for (const auto& [name, tensor] : parameters.entries) {
      doubles.entries.emplace_back(name, tensor.to(at::kDouble).requires_grad_(true));
      tensor.requires_grad_(true);
    }
    const PackedBatch batch = Pack(RandomSequences({70, 1, 33, 6}, config.vocab_size, 9));
    std::vector<int32_t> targets(batch.token_ids.rbegin(), batch.token_ids.rend());
    const at::Tensor weights_T = at::sin(at::arange(static_cast<int64_t>(targets.size()), at::kDouble));

    const auto reference = MakeDecoder(config, doubles);
    const at::Tensor expected = DoubleLoss(*reference, batch, targets, weights_T, /*temperature=*/1.3);
    expected.backward();
    const auto decoder = MakeDecoder(config, parameters);
    const TokenLogprobs logprobs = ComputeTokenLogprobs(decoder->ForwardPacked(batch).value(), decoder->OutputWeight(),
                                                        targets, /*temperature=*/1.3, /*max_rows_per_chunk=*/32)
                                       .value();
    const at::Tensor loss = (logprobs.logprobs_T * weights_T.to(at::kFloat)).sum();
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-4 * std::abs(expected.item<double>()) + 1e-4);
    for (size_t i = 0; i < parameters.entries.size(); ++i) {
      const at::Tensor truth = doubles.entries[i].second.grad();
      const at::Tensor got = parameters.entries[i].second.grad().to(at::kDouble);
      const double error = (got - truth).norm().item<double>() / truth.norm().item<double>();
      EXPECT_LT(error, 5e-6) << variant << ": " << parameters.entries[i].first;
    }
  }
}

TEST(DecoderTest, EmptyBatchGivesNoRows) {
  const ModelConfig config = TinyConfig();
  const auto decoder = MakeDecoder(config, RandomParameters(config, 1));
  EXPECT_EQ(decoder->ForwardPacked(Pack({})).value().size(0), 0);
  KvCache cache(config, 1, at::kCPU);
  EXPECT_EQ(decoder->ForwardPaged({}, &cache).value().size(0), 0);
}

void ExpectInvalid(const absl::Status& status, const char* named) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), named)) << status;
}

TEST(DecoderTest, ParametersThatDoNotFitAreNamed) {
  const ModelConfig config = TinyConfig();
  ParameterMap missing = RandomParameters(config, 1);
  missing.entries.erase(missing.entries.begin() + 4);
  ExpectInvalid(Decoder::Create(config, missing).status(), "model.layers.0.self_attn.v_proj.weight: is missing");
  ParameterMap surplus = RandomParameters(config, 1);
  surplus.entries.emplace_back("lm_head.weight", at::zeros({50, 64}));
  ExpectInvalid(Decoder::Create(config, surplus).status(), "lm_head.weight");
  ParameterMap shape = RandomParameters(config, 1);
  shape.entries[0].second = at::zeros({51, 64});
  ExpectInvalid(Decoder::Create(config, shape).status(), "[51, 64]");
  ParameterMap type = RandomParameters(config, 1);
  type.entries[3].second = type.entries[3].second.to(at::kBFloat16);
  ExpectInvalid(Decoder::Create(config, type).status(), "k_proj.weight");
  const ParameterMap rounded = FrozenParameters(RandomParameters(config, 1), Precision::kBf16).value();
  ExpectInvalid(Decoder::Create(config, rounded).status(), "must be contiguous fp32 or fp64");
  ModelConfig other = config;
  other.architecture = "OtherForCausalLM";
  EXPECT_EQ(Decoder::Create(other, RandomParameters(config, 1)).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(DecoderTest, BatchesThatDoNotFitAreNamed) {
  const ModelConfig config = TinyConfig();
  const auto decoder = MakeDecoder(config, RandomParameters(config, 1));
  ExpectInvalid(decoder->ForwardPacked({{1, 50}, {0, 2}}).status(), "row 1");
  ExpectInvalid(decoder->ForwardPacked({{1, 2}, {0, 3}}).status(), "cu_seqlens");
  ExpectInvalid(decoder->ForwardPacked({{1, 2}, {0, 2, 1, 2}}).status(), "sequence 1");
  ExpectInvalid(decoder->ForwardPacked(Pack({std::vector<int32_t>(257, 1)})).status(), "(257)");
  KvCache cache(config, 3, at::kCPU);
  const auto paged = [&](PagedBatch batch) { return decoder->ForwardPaged(batch, &cache).status(); };
  ExpectInvalid(paged({{-1}, {0}, {0}, {{0}}}), "token_ids");
  ExpectInvalid(paged({{1}, {0, 1}, {0}, {{0}}}), "one entry per row");
  ExpectInvalid(paged({{1}, {0}, {1}, {{0}}}), "no block table");
  ExpectInvalid(paged({{1}, {16}, {0}, {{0}}}), "(16)");
  ExpectInvalid(paged({{1}, {0}, {0}, {{3}}}), "block_tables");
  KvCache rounded(config, 3, at::kCPU, Precision::kBf16);
  ExpectInvalid(decoder->ForwardPaged({{1}, {0}, {0}, {{0}}}, &rounded).status(), "cache");
}

}  // namespace
}  // namespace cohort::model
