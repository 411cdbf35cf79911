// SPDX-License-Identifier: Apache-2.0
// Judgements per second through the sandbox: the rubric of an arithmetic job, groups of several sizes; and what the
// costliest expression within the limits takes.
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "reward/expression.h"
#include "reward/rubric.h"

namespace cohort::reward {
namespace {

void BM_JudgeGroup(benchmark::State& state) {
  const auto zygote = Zygote::Start().value();
  cohort::v1::RewardSpec spec;
  spec.add_verifiers()->mutable_math_answer()->set_allow_expressions(true);
  const auto rubric = Rubric::Create(spec, "/", zygote.get(), static_cast<int>(state.range(1))).value();
  cohort::v1::Problem problem;
  problem.set_answer("1112");
  const std::vector<std::string> completions(static_cast<size_t>(state.range(0)),
                                             "3+9=12, 2+8+1=11, 1+9+1=11, so\n#### 1000 + 100 + 10 + 2");
  for (auto _ : state) benchmark::DoNotOptimize(rubric->Judge(problem, completions).value());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_JudgeGroup)->ArgNames({"group", "children"})->ArgsProduct({{1, 8, 64}, {1, 2}})->UseRealTime();

void BM_CostliestExpression(benchmark::State& state) {
  std::string text = "1";
  for (int i = 0; i < 32; ++i) text += "*9^300/7^350*7^350/9^300";  // 256 operations on numbers of almost 1,000 bits
  for (auto _ : state) benchmark::DoNotOptimize(EvaluateExpression(text, ExpressionLimits(), nullptr).value());
}
BENCHMARK(BM_CostliestExpression)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cohort::reward

BENCHMARK_MAIN();
