// SPDX-License-Identifier: Apache-2.0
// CUDA operators in percent of the device's copy bandwidth, which is measured in the same run. Each is first compared
// with the CPU. Without a device it says so and ends.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "kernels/device_array.h"
#include "kernels/group_advantage.h"
#include "kernels/group_advantage_cuda.h"
#include "kernels/logprob.h"
#include "kernels/logprob_cuda.h"
#include "kernels/random_floats.h"
#include "kernels/segment_objective.h"
#include "kernels/segment_objective_cuda.h"
#include "kernels/side_by_side.h"

namespace cohort::kernels {
namespace {

constexpr int kRounds = 30;
constexpr int kCopies = 8;  // inputs in turn, so that they do not stay in the second-level cache

// NaN where one of them is.
double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = LargerOrNan(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return largest;
}

// Median seconds of one call; call(i) works on the i-th copy of its inputs.
double Seconds(const std::function<void(int)>& call) {
  cudaEvent_t start, stop;
  CheckCuda(cudaEventCreate(&start));
  CheckCuda(cudaEventCreate(&stop));
  std::vector<float> milliseconds(kRounds);
  for (int i = 0; i < kCopies; ++i) call(i);
  for (int round = 0; round < kRounds; ++round) {
    CheckCuda(cudaEventRecord(start, nullptr));
    for (int i = 0; i < kCopies; ++i) call(i);
    CheckCuda(cudaEventRecord(stop, nullptr));
    CheckCuda(cudaEventSynchronize(stop));
    CheckCuda(cudaEventElapsedTime(&milliseconds[round], start, stop));
  }
  std::nth_element(milliseconds.begin(), milliseconds.begin() + kRounds / 2, milliseconds.end());
  return 1e-3 * milliseconds[kRounds / 2] / kCopies;
}

double CopyBandwidth() {
  constexpr size_t kBytes = size_t{256} << 20;
  const DeviceArray<char> from{std::vector<char>(kBytes)}, to{std::vector<char>(kBytes)};
  const double seconds = Seconds(
      [&](int) { CheckCuda(cudaMemcpyAsync(to.get(), from.get(), kBytes, cudaMemcpyDeviceToDevice, nullptr)); });
  return 2 * kBytes / seconds;
}

bool Report(const std::string& name, double difference, double allowed, double bytes, double bandwidth,
            const std::function<void(int)>& call) {
  if (!(difference <= allowed)) {
    std::printf("%-44s results differ by %.3g, allowed %.3g\n", name.c_str(), difference, allowed);
    return false;
  }
  const double seconds = Seconds(call);
  std::printf("%-44s %9.1f us  %5.1f %% of copy bandwidth\n", name.c_str(), seconds * 1e6,
              100 * bytes / bandwidth / seconds);
  return true;
}

bool BenchmarkSegments(const std::string& name, int64_t longest, double bandwidth) {
  constexpr int64_t kTokens = 1 << 20;
  std::vector<int64_t> offsets = {0};
  std::mt19937 generator(3);
  while (longest > 1 && offsets.back() < kTokens) {
    offsets.push_back(std::min<int64_t>(kTokens, offsets.back() + 1 + static_cast<int64_t>(generator() % longest)));
  }
  const std::vector<float> proximal = RandomFloats(kTokens, 1, 1.0f), advantages = RandomFloats(kTokens, 2, 1.0f);
  const std::vector<float> weights(kTokens, 1.0f / kTokens);
  std::vector<float> policy = RandomFloats(kTokens, 3, 0.2f), expected(kTokens);
  for (int64_t t = 0; t < kTokens; ++t) policy[t] += proximal[t];
  const auto inputs = [&](const float* x, const float* o, const float* a, const float* w, const int64_t* cuts) {
    SegmentInputs<float> in{x, o, a, w};
    in.num_tokens = kTokens;
    in.segment_offsets = longest > 1 ? cuts : nullptr;
    in.num_segments = static_cast<int64_t>(offsets.size()) - 1;
    in.clip_low = 0.2f;
    in.clip_high = 0.28f;
    return in;
  };
  ComputeSegmentObjective<float>(
      inputs(policy.data(), proximal.data(), advantages.data(), weights.data(), offsets.data()), expected.data());
  const std::vector<const std::vector<float>*> hosts = {&policy, &proximal, &advantages, &weights};
  std::vector<DeviceArray<float>> floats;  // those of one copy after the other
  std::vector<DeviceArray<float>> gradients;
  std::vector<SegmentInputs<float>> copies;
  std::vector<DeviceArray<int64_t>> cuts;
  for (int i = 0; i < kCopies; ++i) {
    for (const std::vector<float>* host : hosts) floats.emplace_back(*host);
    cuts.emplace_back(offsets);
    const auto at = floats.end() - 4;
    copies.push_back(inputs(at[0].get(), at[1].get(), at[2].get(), at[3].get(), cuts.back().get()));
    gradients.emplace_back(expected);
  }
  const DeviceArray<double> workspace{std::vector<double>(SegmentObjectiveCudaWorkspaceDoubles())};
  const DeviceArray<SegmentStatistics> statistics(std::vector<SegmentStatistics>(1));
  const auto call = [&](int i) {
    CheckCuda(
        ComputeSegmentObjectiveCuda<float>(copies[i], gradients[i].get(), statistics.get(), workspace.get(), nullptr));
  };
  call(0);
  const double difference = LargestDifference(gradients[0].ToHost(), expected) * kTokens;
  return Report(name, difference, 1e-4, 20.0 * kTokens, bandwidth, call);
}

bool BenchmarkGroups(int64_t num_groups, double bandwidth) {
  const std::vector<float> rewards = RandomFloats(num_groups * 8, 4, 1.0f);
  std::vector<float> expected(rewards.size());
  const GroupAdvantageSettings settings{.epsilon = 1e-6};
  ComputeGroupAdvantages<float>(settings, {rewards.data(), nullptr, num_groups, 8}, expected.data());
  std::vector<DeviceArray<float>> from, to;
  for (int i = 0; i < kCopies; ++i) {
    from.emplace_back(rewards);
    to.emplace_back(expected);
  }
  const auto call = [&](int i) {
    CheckCuda(
        ComputeGroupAdvantagesCuda<float>(settings, {from[i].get(), nullptr, num_groups, 8}, to[i].get(), nullptr));
  };
  call(0);
  return Report("group mean and std, " + std::to_string(num_groups) + " x 8",
                LargestDifference(to[0].ToHost(), expected), 0.0, 8.0 * static_cast<double>(rewards.size()), bandwidth,
                call);
}

bool BenchmarkLogprob(double bandwidth) {
  constexpr int64_t kRows = 256, kVocabulary = 151936;
  const std::vector<float> logits = RandomFloats(kRows * kVocabulary, 5, 3.0f);
  const std::vector<int64_t> targets(kRows, 7);
  std::vector<float> expected(kRows), entropies(kRows);
  LogprobForward({targets.data(), kRows, kVocabulary, 1.0f}, logits.data(), expected.data(), entropies.data());
  std::vector<DeviceArray<float>> copies;
  for (int i = 0; i < kCopies; ++i) copies.emplace_back(logits);
  const DeviceArray<int64_t> device_targets(targets);
  const LogprobRows rows{device_targets.get(), kRows, kVocabulary, 1.0f};
  const DeviceArray<float> logprobs(expected), device_entropies(entropies);
  const auto call = [&](int i) {
    CheckCuda(LogprobForwardCuda(rows, LogitType::kFloat32, copies[i].get(), logprobs.get(), device_entropies.get(),
                                 nullptr));
  };
  call(0);
  return Report("log-prob + entropy, 256 x 151936", LargestDifference(logprobs.ToHost(), expected), 1e-4,
                4.0 * kRows * kVocabulary, bandwidth, call);
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  int num_devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&num_devices);
  if (error != cudaSuccess || num_devices == 0) {
    std::printf("skipped: no CUDA device: %s\n", cudaGetErrorString(error));
    return 0;
  }
  const double bandwidth = cohort::kernels::CopyBandwidth();
  std::printf("copy bandwidth %.0f GB/s\n", bandwidth * 1e-9);
  bool equal = cohort::kernels::BenchmarkSegments("ratio per token, 2^20 tokens", 1, bandwidth);
  equal &= cohort::kernels::BenchmarkSegments("ragged segments of 1 to 128, 2^20 tokens", 128, bandwidth);
  equal &= cohort::kernels::BenchmarkSegments("responses of 1 to 2048, 2^20 tokens", 2048, bandwidth);
  equal &= cohort::kernels::BenchmarkGroups(131072, bandwidth);
  equal &= cohort::kernels::BenchmarkGroups(128, bandwidth);
  equal &= cohort::kernels::BenchmarkLogprob(bandwidth);
  return equal ? 0 : 1;
}
