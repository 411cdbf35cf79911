// SPDX-License-Identifier: Apache-2.0
// One GRPO train step of one rank, from sequences to updated weights, against the same step on padded batches with
// PyTorch's operators (testing/padded_peer.h): 5.2 M parameters, ragged groups with log-normal lengths. Two steps of
// both sides must agree first, in loss, gradient norm and gradients, or nothing is timed; so must our step that
// computes shared prompts once, which the peer has no way to do. Then each side chooses its microbatch among several,
// and the chosen ones take turns with a matrix product, whose rate bounds the step. The argument says on how many
// threads each side runs (1).
//   bazel run //learner:padded_step_benchmark -- 2
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/status_macros.h"
#include "kernels/side_by_side.h"
#include "kernels/torch/product_yardstick.h"
#include "learner/batch/train_sequence.h"
#include "learner/phase_timer.h"
#include "learner/step_data.h"
#include "learner/step_gradient.h"
#include "learner/testing/learner_side.h"
#include "learner/testing/padded_peer.h"
#include "learner/testing/ragged_step.h"
#include "learner/train_step.h"
#include "model/model_config.h"

namespace cohort::learner {
namespace {

constexpr std::array<int64_t, 4> kPackedTokens = {512, 1024, 2048, 4096};  // of a microbatch
constexpr std::array<int64_t, 5> kPaddedTokens = {512, 1024, 2048, 4096, 16384};
constexpr int64_t kComparedTokens = 2048;
constexpr double kAllowedDifference = 1e-4;
constexpr int kNumRounds = 7;

// A whole step of ours; the benchmark ends with the reason when it fails.
TrainStep::Outcome StepOrExit(LearnerSide* ours, const StepData& data, const GradientOptions& gradient) {
  PhaseTimer timer(common::SystemClock());
  absl::StatusOr<TrainStep::Outcome> outcome = ours->Step(data, gradient, &timer);
  if (outcome.ok()) return *std::move(outcome);
  std::fprintf(stderr, "%s\n", outcome.status().ToString().c_str());
  std::exit(1);
}

double RelativeDifference(double ours, double peer) { return std::abs(ours - peer) / std::abs(peer); }

// Both sides take two steps, the second with the weights that the first one left.
absl::Status CompareSteps(LearnerSide* ours, const StepData& data, PaddedPeer* peer,
                          const std::vector<PaddedBatch>& batches) {
  for (int step = 1; step <= 2; ++step) {
    const TrainStep::Outcome outcome = StepOrExit(ours, data, {.max_tokens_per_microbatch = kComparedTokens});
    const double our_loss = outcome.totals.Get("sum_loss"), peer_loss = peer->Backpropagate(batches);
    const double gradients = GradientDifference(GradientsOf(ours->state().parameters->parameters()),
                                                GradientsOf(peer->parameters()));  // before the peer clips them
    const double our_norm = outcome.gradient_norm_mean, peer_norm = peer->ClipAndUpdate();
    std::printf("step %d: loss %.7g, peer %.7g; gradient norm %.7g, peer %.7g; gradients differ by %.2g\n", step,
                our_loss, peer_loss, our_norm, peer_norm, gradients);
    if (!(RelativeDifference(our_loss, peer_loss) <= kAllowedDifference &&
          RelativeDifference(our_norm, peer_norm) <= kAllowedDifference && gradients <= kAllowedDifference)) {
      return absl::InternalError(absl::StrCat("step ", step, ": the sides differ by more than ", kAllowedDifference));
    }
  }
  return absl::OkStatus();
}

// Our step with shared prompts against ours without, from the same weights, which stay.
absl::Status CompareSharing(LearnerSide* ours, const StepData& data) {
  COHORT_ASSIGN_OR_RETURN(const LearnerSide::Gradient repeated,
                          ours->ComputeGradient(data, {.max_tokens_per_microbatch = kComparedTokens}));
  std::vector<at::Tensor> expected;
  for (const at::Tensor& gradient : GradientsOf(ours->state().parameters->parameters())) {
    expected.push_back(gradient.clone());
  }
  COHORT_ASSIGN_OR_RETURN(
      const LearnerSide::Gradient shared,
      ours->ComputeGradient(data, {.max_tokens_per_microbatch = kComparedTokens, .share_prompts = true}));
  const double gradients = GradientDifference(GradientsOf(ours->state().parameters->parameters()), expected);
  std::printf("share_prompts: loss %.7g, without %.7g; gradients differ by %.2g; %.0f rows computed, without %.0f\n",
              shared.loss, repeated.loss, gradients, shared.computed_rows, repeated.computed_rows);
  if (RelativeDifference(shared.loss, repeated.loss) <= kAllowedDifference && gradients <= kAllowedDifference) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("share_prompts: differs by more than ", kAllowedDifference));
}

// One size of microbatches.
struct Setting {
  int64_t max_tokens = 0;
  double padded_share = 0;  // of the tokens computed
  std::function<void()> run;
};

// One way to make the step, which may choose among settings.
struct Contender {
  std::string name;
  std::vector<Setting> settings;
};

Contender Packed(LearnerSide* ours, const StepData& data, bool share_prompts) {
  Contender contender{.name = share_prompts ? "ours, share_prompts" : "ours, packed"};
  for (const int64_t max_tokens : kPackedTokens) {
    const GradientOptions gradient = {.max_tokens_per_microbatch = max_tokens, .share_prompts = share_prompts};
    contender.settings.push_back({max_tokens, 0, [ours, &data, gradient] { StepOrExit(ours, data, gradient); }});
  }
  return contender;
}

Setting Padded(PaddedPeer* peer, const std::vector<TrainSequence>& sequences, int64_t max_tokens) {
  const auto batches = std::make_shared<std::vector<PaddedBatch>>(PadSequences(sequences, max_tokens));
  const double real = static_cast<double>(NumTokens(sequences));
  return {max_tokens, 1 - real / static_cast<double>(NumPaddedTokens(*batches)), [peer, batches] {
            peer->Backpropagate(*batches);
            peer->ClipAndUpdate();
          }};
}

std::vector<Contender> MakeContenders(LearnerSide* ours, const StepData& data, PaddedPeer* peer) {
  const std::vector<TrainSequence>& sequences = data.updates[0].sequences;
  std::vector<TrainSequence> sorted = sequences;
  std::stable_sort(sorted.begin(), sorted.end(), [](const TrainSequence& a, const TrainSequence& b) {
    return a.token_ids.size() < b.token_ids.size();
  });
  Contender in_order{.name = "peer, padded"}, by_length{.name = "peer, padded, by length"};
  for (const int64_t max_tokens : kPaddedTokens) {
    in_order.settings.push_back(Padded(peer, sequences, max_tokens));
    by_length.settings.push_back(Padded(peer, sorted, max_tokens));
  }
  // No batch, hence no padding: not what one does, but the peer could.
  const Contender alone{.name = "peer, each alone", .settings = {Padded(peer, sequences, /*max_tokens=*/1)}};
  return {Packed(ours, data, /*share_prompts=*/false), in_order, by_length, alone,
          Packed(ours, data, /*share_prompts=*/true)};
}

// Leaves each contender its fastest setting.
void ChooseSettings(int num_threads, std::vector<Contender>* contenders) {
  for (Contender& contender : *contenders) {
    std::vector<std::function<void()>> ways;
    for (const Setting& setting : contender.settings) ways.push_back(setting.run);
    const auto seconds = kernels::TimeInTurns(ways, /*num_rounds=*/1, num_threads);
    std::printf("%-24s", contender.name.c_str());
    size_t best = 0;
    for (size_t i = 0; i < ways.size(); ++i) {
      std::printf("  %lld: %.0f ms, %.0f %% padded", static_cast<long long>(contender.settings[i].max_tokens),
                  1e3 * seconds[i][0], 100 * contender.settings[i].padded_share);
      if (seconds[i][0] < seconds[best][0]) best = i;
    }
    std::printf("\n");
    contender.settings = {contender.settings[best]};
  }
}

void TimeContenders(const std::vector<Contender>& contenders, int num_threads, double num_tokens, double flops) {
  const kernels::Yardstick product = kernels::ProductYardstick();
  std::vector<std::function<void()>> ways;
  for (const Contender& contender : contenders) ways.push_back(contender.settings[0].run);
  ways.push_back(product.run);
  const auto seconds = kernels::TimeInTurns(ways, kNumRounds, num_threads);
  const double rate = product.work / *std::min_element(seconds.back().begin(), seconds.back().end());
  std::printf("threads %d, product %.1f GFLOP/s, bound %.1f ms\n", num_threads, 1e-9 * rate, 1e3 * flops / rate);
  for (size_t i = 0; i < contenders.size(); ++i) {
    const Setting& setting = contenders[i].settings[0];
    const double median = kernels::Median(seconds[i]);
    std::printf("%-24s %5lld a microbatch, %2.0f %% padded  %9.1f ms  %7.0f tokens/s  %5.1f %% of bound",
                contenders[i].name.c_str(), static_cast<long long>(setting.max_tokens), 100 * setting.padded_share,
                1e3 * median, num_tokens / median, 100 * flops / rate / median);
    if (i > 0) std::printf("  time/ours, packed %s", kernels::RatioText(seconds[i], seconds[0]).c_str());
    std::printf("\n");
  }
}

absl::Status RunBenchmark(int num_threads) {
  const model::ModelConfig config = RaggedStepConfig();
  const StepData data = MakeRaggedStep(config);
  const std::vector<TrainSequence>& sequences = data.updates[0].sequences;
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<LearnerSide> ours, LearnerSide::Create({.config = config}));
  PaddedPeer peer(config, ours->state().parameters->parameters(), ours->MakePeerOptions());
  const auto num_tokens = static_cast<double>(NumTokens(sequences));
  std::printf("%zu sequences, %.0f tokens\n", sequences.size(), num_tokens);
  COHORT_RETURN_IF_ERROR(CompareSteps(ours.get(), data, &peer, PadSequences(sequences, kComparedTokens)));
  COHORT_RETURN_IF_ERROR(CompareSharing(ours.get(), data));
  std::vector<Contender> contenders = MakeContenders(ours.get(), data, &peer);
  ChooseSettings(num_threads, &contenders);
  TimeContenders(contenders, num_threads, num_tokens, StepFlops(config, sequences));
  return absl::OkStatus();
}

}  // namespace
}  // namespace cohort::learner

int main(int argc, char** argv) {
  const int num_threads = cohort::kernels::ThreadsArgument(argc, argv);
  at::set_num_threads(num_threads);
  at::manual_seed(1);
  const absl::Status status = cohort::learner::RunBenchmark(num_threads);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
