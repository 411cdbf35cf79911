// SPDX-License-Identifier: Apache-2.0
// The CUDA operators against the CPU's. Skipped, with the reason, where no device answers.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/adamw_cuda.h"
#include "kernels/logprob.h"
#include "kernels/logprob_cuda.h"
#include "kernels/segment_objective.h"
#include "kernels/segment_objective_cuda.h"

namespace cohort::kernels {
namespace {

// Device memory with the contents of a vector.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& host) : size_(host.size()) {
    EXPECT_EQ(cudaMalloc(&pointer_, size_ * sizeof(T) + 1), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(pointer_, host.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(pointer_); }

  T* get() const { return static_cast<T*>(pointer_); }
  std::vector<T> ToHost() const {
    std::vector<T> host(size_);
    EXPECT_EQ(cudaMemcpy(host.data(), pointer_, size_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return host;
  }

 private:
  void* pointer_ = nullptr;
  size_t size_;
};

std::vector<float> RandomFloats(int64_t count, uint32_t seed, float scale) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

class CudaSmokeTest : public testing::Test {
 protected:
  void SetUp() override {
    int num_devices = 0;
    const cudaError_t error = cudaGetDeviceCount(&num_devices);
    if (error != cudaSuccess || num_devices == 0) GTEST_SKIP() << "no CUDA device: " << cudaGetErrorString(error);
  }
};

// Truncation to bf16: the value's upper half.
std::vector<uint16_t> ToBfloat16(std::vector<float>* values) {
  std::vector<uint16_t> halves;
  for (float& value : *values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    halves.push_back(static_cast<uint16_t>(bits >> 16));
    bits &= 0xFFFF0000u;
    std::memcpy(&value, &bits, sizeof(bits));
  }
  return halves;
}

float FromBfloat16(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

void ExpectClose(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << i;
}

TEST_F(CudaSmokeTest, LogprobMatchesCpu) {
  for (const int64_t vocab_size : {17, 5003, 151936}) {
    const int64_t num_rows = 5;
    std::vector<float> logits = RandomFloats(num_rows * vocab_size, 1, 3.0f);
    std::vector<float> grad = RandomFloats(num_rows, 2, 1.0f);
    grad[3] = 0.0f;
    const std::vector<uint16_t> halves = ToBfloat16(&logits);
    const std::vector<int64_t> targets = {0, 16, 3, 7, 9};
    std::vector<float> logprobs(num_rows), entropies(num_rows), gradient = logits;
    const LogprobRows rows{targets.data(), num_rows, vocab_size, 1.25f};
    LogprobForward(rows, logits.data(), logprobs.data(), entropies.data());
    LogprobBackwardInPlace(rows, grad.data(), gradient.data());

    const DeviceArray<int64_t> device_targets(targets);
    const LogprobRows device_rows{device_targets.get(), num_rows, vocab_size, 1.25f};
    const DeviceArray<float> device_grad(grad), device_logits(logits);
    const DeviceArray<uint16_t> device_halves(halves);
    const DeviceArray<float> device_logprobs(logprobs), device_entropies(entropies);
    const auto expect_forward = [&](LogitType type, const void* pointer) {
      ASSERT_EQ(LogprobForwardCuda(device_rows, type, pointer, device_logprobs.get(), device_entropies.get(), nullptr),
                0);
      ExpectClose(device_logprobs.ToHost(), logprobs, 1e-5);
      ExpectClose(device_entropies.ToHost(), entropies, 1e-5);
    };
    expect_forward(LogitType::kFloat32, device_logits.get());
    expect_forward(LogitType::kBfloat16, device_halves.get());
    ASSERT_EQ(
        LogprobBackwardInPlaceCuda(device_rows, LogitType::kFloat32, device_grad.get(), device_logits.get(), nullptr),
        0);
    ExpectClose(device_logits.ToHost(), gradient, 1e-5);
    ASSERT_EQ(
        LogprobBackwardInPlaceCuda(device_rows, LogitType::kBfloat16, device_grad.get(), device_halves.get(), nullptr),
        0);
    std::vector<float> from_halves;
    for (const uint16_t half : device_halves.ToHost()) from_halves.push_back(FromBfloat16(half));
    ExpectClose(from_halves, gradient, 1e-2);
  }
}

TEST_F(CudaSmokeTest, LogprobRepeatsBitForBit) {
  const std::vector<float> logits = RandomFloats(64 * 5003, 4, 3.0f);
  const DeviceArray<float> device_logits(logits), first(std::vector<float>(64)), second(std::vector<float>(64));
  const DeviceArray<int64_t> targets(std::vector<int64_t>(64, 11));
  const LogprobRows all{targets.get(), 64, 5003, 1.0f}, last{targets.get(), 1, 5003, 1.0f};
  ASSERT_EQ(LogprobForwardCuda(all, LogitType::kFloat32, device_logits.get(), first.get(), nullptr, nullptr), 0);
  ASSERT_EQ(
      LogprobForwardCuda(last, LogitType::kFloat32, device_logits.get() + 63 * 5003, second.get(), nullptr, nullptr),
      0);
  EXPECT_EQ(first.ToHost()[63], second.ToHost()[0]);
}

TEST_F(CudaSmokeTest, SegmentObjectiveMatchesCpu) {
  const int64_t num_tokens = 5000;
  const std::vector<float> proximal = RandomFloats(num_tokens, 1, 1.0f), change = RandomFloats(num_tokens, 2, 0.3f);
  const std::vector<float> advantages = RandomFloats(num_tokens, 3, 1.0f);
  std::vector<float> policy = proximal;
  for (int64_t t = 0; t < num_tokens; ++t) policy[t] += change[t];
  policy[77] += 25.0f;
  std::vector<uint8_t> mask(num_tokens, 1);
  for (int64_t t = 0; t < num_tokens; t += 6) mask[t] = 0;
  const std::vector<float> weights(num_tokens, 1.0f / static_cast<float>(num_tokens));
  const std::vector<int64_t> offsets = {0, 1, 900, 900, 2500, 5000};
  const DeviceArray<float> d_policy(policy), d_proximal(proximal), d_advantages(advantages), d_weights(weights),
      d_gradient(policy);
  const DeviceArray<uint8_t> d_mask(mask);
  const DeviceArray<int64_t> d_offsets(offsets);
  const DeviceArray<double> workspace{std::vector<double>(SegmentObjectiveCudaWorkspaceDoubles())};
  const DeviceArray<SegmentStatistics> d_statistics(std::vector<SegmentStatistics>(1));
  for (const bool per_token : {true, false}) {
    for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
      SegmentInputs<float> in{policy.data(), proximal.data(), advantages.data(), weights.data()};
      in.mask_T = mask.data();
      in.num_tokens = num_tokens;
      in.segment_offsets = per_token ? nullptr : offsets.data();
      in.num_segments = static_cast<int64_t>(offsets.size()) - 1;
      in.clip_low = 0.02f;
      in.clip_high = 0.03f;
      in.flow = flow;
      std::vector<float> gradient(num_tokens);
      const SegmentStatistics expected = ComputeSegmentObjective<float>(in, gradient.data());
      SegmentInputs<float> d = in;
      d.policy_logprobs_T = d_policy.get();
      d.proximal_logprobs_T = d_proximal.get();
      d.advantages_T = d_advantages.get();
      d.weights_T = d_weights.get();
      d.mask_T = d_mask.get();
      d.segment_offsets = per_token ? nullptr : d_offsets.get();
      ASSERT_EQ(ComputeSegmentObjectiveCuda<float>(d, d_gradient.get(), d_statistics.get(), workspace.get(), nullptr),
                0);
      ExpectClose(d_gradient.ToHost(), gradient, 1e-5);
      const SegmentStatistics result = d_statistics.ToHost()[0];
      EXPECT_NEAR(result.loss, expected.loss, 1e-5 * std::abs(expected.loss));
      EXPECT_EQ(result.num_tokens, expected.num_tokens);
      EXPECT_EQ(result.num_clipped_low, expected.num_clipped_low);
      EXPECT_EQ(result.num_clipped_high, expected.num_clipped_high);
      EXPECT_NEAR(result.max_ratio, expected.max_ratio, 1e-5 * expected.max_ratio);
    }
  }
}

TEST_F(CudaSmokeTest, AdamWIsBitEqualWithCpu) {
  const int64_t count = 100003;
  std::vector<float> param = RandomFloats(count, 1, 1.0f), exp_avg(count), exp_avg_sq(count);
  const DeviceArray<float> d_param(param), d_exp_avg(exp_avg), d_exp_avg_sq(exp_avg_sq);
  for (int64_t step = 1; step <= 3; ++step) {
    const std::vector<float> grad = RandomFloats(count, 10 + static_cast<uint32_t>(step), 0.1f);
    const DeviceArray<float> d_grad(grad);
    const AdamWSettings settings{.learning_rate = 1e-3, .weight_decay = 0.1, .gradient_scale = 0.5, .step = step};
    AdamWStep(settings, count, param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data());
    ASSERT_EQ(AdamWStepCuda(settings, count, d_param.get(), d_grad.get(), d_exp_avg.get(), d_exp_avg_sq.get(), nullptr),
              0);
  }
  EXPECT_EQ(d_param.ToHost(), param);
  EXPECT_EQ(d_exp_avg_sq.ToHost(), exp_avg_sq);
}

}  // namespace
}  // namespace cohort::kernels
