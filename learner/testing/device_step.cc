// SPDX-License-Identifier: Apache-2.0
#include "learner/testing/device_step.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "common/clock.h"
#include "common/status_macros.h"
#include "kernels/side_by_side.h"
#include "kernels/torch/device_contest.h"
#include "kernels/torch/tensor_memory.h"
#include "kernels/torch/torch_status.h"
#include "learner/phase_timer.h"
#include "learner/testing/ragged_step.h"
#include "learner/testing/step_operators.h"
#include "learner/testing/waiting_clock.h"

namespace cohort::learner {
namespace {

constexpr int kNumRounds = 5;
constexpr double kDataSheetFlops = 989e12;  // dense bf16 of an H100 or H200, which no product reaches

}  // namespace

DeviceStep::DeviceStep(const c10::Device& device, StepData data, StepSettings settings, LearnerSide* ours,
                       PaddedPeer* peer)
    : device_(device), data_(std::move(data)), settings_(std::move(settings)), ours_(ours), peer_(peer) {}

DeviceStep::Contender DeviceStep::Ours(const std::string& name, const std::vector<int64_t>& max_tokens,
                                       bool recompute) const {
  Contender contender{.name = name, .is_ours = true};
  for (const int64_t count : max_tokens) {
    const GradientOptions gradient = {.max_tokens_per_microbatch = count, .recompute_activations = recompute};
    const auto run = [this, gradient] {
      PhaseTimer timer(common::SystemClock());
      return ours_->Step(data_, gradient, &timer).status();
    };
    contender.settings.push_back({.max_tokens = count, .run = run, .gradient = gradient});
  }
  return contender;
}

DeviceStep::Contender DeviceStep::Peers(const std::string& name, const std::vector<TrainSequence>& sequences) const {
  Contender contender{.name = name};
  for (const int64_t count : settings_.padded_tokens) {
    const auto batches = std::make_shared<std::vector<PaddedBatch>>(PadSequences(sequences, count, device_));
    const double real = static_cast<double>(NumTokens(sequences));
    const auto run = [this, batches] {
      return kernels::StatusFromTorch("peer", [&] {
        peer_->Backpropagate(*batches, at::kBFloat16);
        peer_->ClipAndUpdate();
        return absl::OkStatus();
      });
    };
    contender.settings.push_back(
        {.max_tokens = count, .padded_share = 1 - real / static_cast<double>(NumPaddedTokens(*batches)), .run = run});
  }
  return contender;
}

absl::StatusOr<double> DeviceStep::Measure(const Setting& setting, int64_t* peak_bytes) const {
  kernels::ReleaseCachedMemory(device_);
  const kernels::TensorMemory memory(device_);
  absl::Status status;
  const double seconds = kernels::SecondsOn(device_, [&] { status = setting.run(); });
  *peak_bytes = memory.peak_bytes();
  COHORT_RETURN_IF_ERROR(status);
  return seconds;
}

bool DeviceStep::Choose(const kernels::WallBudget& budget, Contender* contender) const {
  std::optional<Setting> best;
  double best_seconds = 0;
  for (const Setting& setting : contender->settings) {
    const auto count = static_cast<long long>(setting.max_tokens);
    if (budget.IsSpent()) {
      std::printf("  %s, %lld a microbatch: not run, %.0f s are over\n", contender->name.c_str(), count,
                  budget.seconds());
      continue;
    }
    int64_t peak_bytes = 0;
    const absl::StatusOr<double> seconds = Measure(setting, &peak_bytes);
    if (!seconds.ok()) {
      std::printf("  %s, %lld a microbatch: %s\n", contender->name.c_str(), count, seconds.status().ToString().c_str());
      continue;
    }
    std::printf("  %s, %lld a microbatch, %.0f %% padded: %.0f ms, %.1f GB\n", contender->name.c_str(), count,
                100 * setting.padded_share, 1e3 * *seconds, 1e-9 * static_cast<double>(peak_bytes));
    if (best.has_value() && *seconds >= best_seconds) continue;
    best = setting;
    best_seconds = *seconds;
    contender->peak_bytes = peak_bytes;
  }
  if (best.has_value()) contender->settings = {*best};
  return best.has_value();
}

absl::StatusOr<DeviceStep::Fastest> DeviceStep::TimeInTurns(const std::vector<Contender>& contenders,
                                                            const kernels::WallBudget& budget) const {
  const kernels::Yardstick product = kernels::DeviceProduct(device_, settings_.product_size);
  absl::Status status;
  std::vector<std::function<void()>> ways;
  for (const Contender& contender : contenders) {
    ways.push_back([&] { status.Update(contender.settings[0].run()); });
  }
  ways.push_back(product.run);
  product.run();
  const kernels::DeviceTurns turns = kernels::TimeInTurnsOn(device_, ways, kNumRounds, budget);
  COHORT_RETURN_IF_ERROR(status);
  const std::vector<double>& product_seconds = turns.seconds.back();
  Fastest fastest = {.product_rate = product.work / *std::min_element(product_seconds.begin(), product_seconds.end())};
  size_t index = 0;
  for (size_t i = 0; i < contenders.size(); ++i) {
    const double median = kernels::Median(turns.seconds[i]);
    if (!contenders[i].is_ours || (fastest.contender != nullptr && median >= fastest.seconds)) continue;
    fastest.contender = &contenders[i];
    fastest.seconds = median;
    index = i;
  }
  const double flops = StepFlops(ours_->config(), sequences());
  const auto num_tokens = static_cast<double>(NumTokens(sequences()));
  std::printf("%zu sequences, %.0f tokens; product %.0f TFLOP/s; %zu rounds%s\n", sequences().size(), num_tokens,
              1e-12 * fastest.product_rate, product_seconds.size(), turns.is_cut ? ", cut by the budget" : "");
  for (size_t i = 0; i < contenders.size(); ++i) {
    const double median = kernels::Median(turns.seconds[i]);
    std::printf(
        "%-26s %6lld a microbatch  %9.1f ms  %8.0f tokens/s  MFU %5.1f %% of the product, %5.1f %% of 989  "
        "%6.1f GB",
        contenders[i].name.c_str(), static_cast<long long>(contenders[i].settings[0].max_tokens), 1e3 * median,
        num_tokens / median, 100 * flops / median / fastest.product_rate, 100 * flops / median / kDataSheetFlops,
        1e-9 * static_cast<double>(contenders[i].peak_bytes));
    if (fastest.contender != nullptr && i != index) {
      std::printf("  time/fastest of ours %s", kernels::RatioText(turns.seconds[i], turns.seconds[index]).c_str());
    }
    std::printf("\n");
  }
  return fastest;
}

// A step of its own, because the clock that waits makes it slower.
absl::Status DeviceStep::PrintPhases(const GradientOptions& gradient) const {
  WaitingClock clock(device_);
  PhaseTimer timer(&clock);
  COHORT_RETURN_IF_ERROR(ours_->Step(data_, gradient, &timer).status());
  double sum = 0;
  for (size_t p = 0; p < kPhaseNames.size(); ++p) sum += timer.Seconds(static_cast<Phase>(p));
  std::printf("phases of %.1f ms, with a wait behind each:", 1e3 * sum);
  for (size_t p = 0; p < kPhaseNames.size(); ++p) {
    const double seconds = timer.Seconds(static_cast<Phase>(p));
    if (seconds > 0) std::printf("  %s %.1f ms (%.0f %%)", kPhaseNames[p], 1e3 * seconds, 100 * seconds / sum);
  }
  std::printf("\n");
  return absl::OkStatus();
}

void DeviceStep::PrintOperators(const Fastest& fastest) const {
  std::printf("what limits %s, each operator alone at the step's shapes:\n", fastest.contender->name.c_str());
  double rest = fastest.seconds, at_product_rate = 0;
  for (const OperatorTime& time : TimeOperators(data_, fastest.contender->settings[0].gradient, ours_)) {
    std::printf("  %-36s %9.1f ms  %5.1f %% of the step", time.name.c_str(), 1e3 * time.seconds,
                100 * time.seconds / fastest.seconds);
    if (time.flops > 0) {
      std::printf("  %6.0f TFLOP/s, %5.1f %% of the product", 1e-12 * time.flops / time.seconds,
                  100 * time.flops / time.seconds / fastest.product_rate);
    }
    std::printf("\n");
    rest -= time.seconds;
    at_product_rate += time.flops / fastest.product_rate;
  }
  std::printf("  %-36s %9.1f ms  %5.1f %% of the step\n", "rest: host, launches, objective", 1e3 * rest,
              100 * rest / fastest.seconds);
  std::printf("  the products alone at the product's rate: %.1f ms, %.1f %% of the step\n", 1e3 * at_product_rate,
              100 * at_product_rate / fastest.seconds);
}

absl::Status DeviceStep::Run(const kernels::WallBudget& budget) {
  std::vector<Contender> all = {Ours("ours, activations kept", settings_.kept_tokens, /*recompute=*/false),
                                Ours("ours, recomputed", settings_.recomputed_tokens, /*recompute=*/true)};
  if (peer_ != nullptr) {
    std::vector<TrainSequence> sorted = sequences();
    std::stable_sort(sorted.begin(), sorted.end(), [](const TrainSequence& a, const TrainSequence& b) {
      return a.token_ids.size() < b.token_ids.size();
    });
    all.push_back(Peers("peer, padded", sequences()));
    all.push_back(Peers("peer, padded, by length", sorted));
  }
  std::vector<Contender> chosen;
  for (Contender& contender : all) {
    if (Choose(budget, &contender)) chosen.push_back(contender);
  }
  COHORT_ASSIGN_OR_RETURN(const Fastest fastest, TimeInTurns(chosen, budget));
  if (fastest.contender == nullptr) return absl::ResourceExhaustedError("no step of ours was made");
  COHORT_RETURN_IF_ERROR(PrintPhases(fastest.contender->settings[0].gradient));
  PrintOperators(fastest);
  return absl::OkStatus();
}

}  // namespace cohort::learner
