// SPDX-License-Identifier: Apache-2.0
// One rank's train step on the model of examples/arithmetic (0.9 M parameters, 16 tokens), one thread:
//   bazel run //learner:train_step_benchmark
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/clock.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/train_step.h"
#include "model/parallel/single_rank_group.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/model_folder.h"
#include "objective/objective.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {
namespace {

constexpr int64_t kPromptTokens = 8;
constexpr int64_t kVocabSize = 16;

TrainState MakeState(const cohort::v1::OptimizerSpec& optimizer) {
  std::string directory = (std::filesystem::temp_directory_path() / "benchmark-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) abort();
  const absl::Status written = model::WriteRandomModel("examples/arithmetic/model", directory + "/model", /*seed=*/1);
  absl::StatusOr<TrainState> state =
      written.ok() ? CreateTrainState(directory + "/model", optimizer, at::kCPU) : absl::StatusOr<TrainState>(written);
  std::filesystem::remove_all(directory);
  if (!state.ok()) {
    fprintf(stderr, "%s\n", state.status().ToString().c_str());
    abort();
  }
  return *std::move(state);
}

StepData MakeData(int64_t num_sequences, int64_t num_tokens, int64_t num_updates) {
  std::mt19937 random(1);
  StepData data;
  data.updates.resize(num_updates);
  for (int64_t i = 0; i < num_sequences; ++i) {
    UpdateData& update = data.updates[i * num_updates / num_sequences];
    TrainSequence sequence{
        .label = "sequence", .num_prompt_tokens = kPromptTokens, .advantage = i % 2 == 0 ? 1.0 : -1.0};
    for (int64_t t = 0; t < num_tokens; ++t) sequence.token_ids.push_back(static_cast<int32_t>(random() % kVocabSize));
    sequence.behavior_logprobs.assign(num_tokens - kPromptTokens, -2.7f);
    sequence.group = update.num_groups++;
    update.sequences.push_back(std::move(sequence));
  }
  return data;
}

void RunSteps(benchmark::State& bench, const objective::Objective& objective, int64_t num_updates) {
  const int64_t num_sequences = bench.range(0);
  constexpr int64_t kTokens = 45;
  at::set_num_threads(1);
  cohort::v1::OptimizerSpec optimizer;
  optimizer.set_learning_rate(1e-4);
  TrainState state = MakeState(optimizer);
  model::SingleRankGroup group;
  TrainStep step(
      {.optimizer = optimizer, .gradient = {.max_tokens_per_microbatch = bench.range(1)}, .num_updates_in_job = 1000},
      &objective, /*reference=*/nullptr, &group, &state);
  const StepData data = MakeData(num_sequences, kTokens, num_updates);
  PhaseTimer timer(common::SystemClock());
  for (auto _ : bench) {
    if (!step.Run(data, &timer).ok()) abort();
    timer.Restart();
  }
  bench.SetItemsProcessed(bench.iterations() * num_sequences * kTokens);
  for (Phase phase : {Phase::kProximal, Phase::kForward, Phase::kObjective, Phase::kBackward, Phase::kOptimizer}) {
    bench.counters[std::string(kPhaseNames[static_cast<size_t>(phase)]) + "_ms"] =
        benchmark::Counter(1e3 * timer.Seconds(phase), benchmark::Counter::kAvgIterations);
  }
}

std::unique_ptr<objective::Objective> MakeObjective(const std::string& preset) {
  cohort::v1::ObjectiveSpec spec;
  spec.set_preset(preset);
  auto resolved = objective::ResolveObjective(spec, {.is_sft = preset == "sft", .max_completion_tokens = 40});
  if (!resolved.ok()) abort();
  return *objective::Objective::Create(*resolved);
}

void SupervisedStep(benchmark::State& bench) { RunSteps(bench, *MakeObjective("sft"), 1); }
BENCHMARK(SupervisedStep)
    ->ArgsProduct({{32}, {256, 512, 1024, 8192}})
    ->ArgNames({"sequences", "microbatch_tokens"})
    ->Unit(benchmark::kMillisecond);

void GrpoStep(benchmark::State& bench) { RunSteps(bench, *MakeObjective("grpo"), 2); }
BENCHMARK(GrpoStep)
    ->ArgsProduct({{128}, {512, 1024, 8192}})
    ->ArgNames({"sequences", "microbatch_tokens"})
    ->Unit(benchmark::kMillisecond);

void DescribeWeights(benchmark::State& bench) {
  const TrainState state = MakeState(cohort::v1::OptimizerSpec());
  for (auto _ : bench) benchmark::DoNotOptimize(model::DescribeWeights(state.parameters->parameters()));
  bench.SetBytesProcessed(bench.iterations() * state.parameters->weights_L().numel() * 4);
}
BENCHMARK(DescribeWeights)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cohort::learner

BENCHMARK_MAIN();
