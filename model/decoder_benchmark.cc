// SPDX-License-Identifier: Apache-2.0
// The demonstration's model (4 layers, hidden size 128, characters) on one thread: a decode step with logits, and a
// training pass forward and backward. Items are tokens.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include "model/decoder.h"
#include "model/logprob.h"
#include "model/testing/tiny_model.h"

namespace cohort::model {
namespace {

ModelConfig DemonstrationConfig() {
  ModelConfig config = TinyConfig();
  config.num_layers = 4;
  config.hidden_size = 128;
  config.intermediate_size = 384;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 32;
  config.vocab_size = 24;
  return config;
}

void DecodeStep(benchmark::State& state) {
  at::set_num_threads(1);
  const ModelConfig config = DemonstrationConfig();
  const auto decoder = Decoder::Create(config, RandomParameters(config, 1)).value();
  const auto rows = static_cast<int32_t>(state.range(0));
  KvCache cache(config, rows * 3, at::kCPU);
  PagedBatch batch;
  for (int32_t row = 0; row < rows; ++row) {
    batch.token_ids.push_back(row % 24);
    batch.positions.push_back(40);
    batch.sequences.push_back(row);
    batch.block_tables.push_back({3 * row, 3 * row + 1, 3 * row + 2});
  }
  for (auto _ : state) {
    const at::Tensor hidden = decoder->ForwardPaged(batch, &cache).value();
    benchmark::DoNotOptimize(ComputeLogits(hidden, decoder->OutputWeight()).value());
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(DecodeStep)->Arg(8)->Arg(32)->Arg(64)->Arg(256)->Unit(benchmark::kMicrosecond);

void TrainingPass(benchmark::State& state) {
  at::set_num_threads(1);
  const ModelConfig config = DemonstrationConfig();
  const ParameterMap parameters = RandomParameters(config, 1);
  for (const auto& [name, tensor] : parameters.entries) tensor.requires_grad_(true);
  const auto decoder = Decoder::Create(config, parameters).value();
  PackedBatch batch;
  batch.cu_seqlens = {0};
  for (int64_t sequence = 0; sequence < state.range(0); ++sequence) {
    for (int32_t t = 0; t < 45; ++t) batch.token_ids.push_back((t * 7 + 3) % 24);
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.token_ids.size()));
  }
  for (auto _ : state) {
    const at::Tensor hidden = decoder->ForwardPacked(batch).value();
    const TokenLogprobs logprobs =
        ComputeTokenLogprobs(hidden, decoder->OutputWeight(), batch.token_ids, /*temperature=*/1.0).value();
    logprobs.logprobs_T.sum().backward();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch.token_ids.size()));
}
BENCHMARK(TrainingPass)->Arg(8)->Arg(32)->Arg(128)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cohort::model

BENCHMARK_MAIN();
