// SPDX-License-Identifier: Apache-2.0
// The CUDA operators against the CPU's. Skipped, with the reason, where no device answers.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/adamw_cuda.h"
#include "kernels/device_array.h"
#include "kernels/group_advantage.h"
#include "kernels/group_advantage_cuda.h"
#include "kernels/logprob.h"
#include "kernels/logprob_cuda.h"
#include "kernels/random_floats.h"
#include "kernels/segment_objective.h"
#include "kernels/segment_objective_cuda.h"
#include "kernels/square_sum.h"
#include "kernels/square_sum_cuda.h"

namespace cohort::kernels {
namespace {

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
    std::vector<float> entropy_grad = RandomFloats(num_rows, 3, 1.0f);
    grad[3] = entropy_grad[3] = entropy_grad[4] = 0.0f;
    const std::vector<uint16_t> halves = ToBfloat16(&logits);
    const std::vector<int64_t> targets = {0, 16, 3, 7, 9};
    std::vector<float> logprobs(num_rows), entropies(num_rows), gradient = logits, both = logits;
    const LogprobRows rows{targets.data(), num_rows, vocab_size, 1.25f};
    LogprobForward(rows, logits.data(), logprobs.data(), entropies.data());
    LogprobBackwardInPlace(rows, grad.data(), nullptr, gradient.data());
    LogprobBackwardInPlace(rows, grad.data(), entropy_grad.data(), both.data());

    const DeviceArray<int64_t> device_targets(targets);
    const LogprobRows device_rows{device_targets.get(), num_rows, vocab_size, 1.25f};
    const DeviceArray<float> device_grad(grad), device_entropy_grad(entropy_grad), device_logits(logits),
        device_both(logits);
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
    ASSERT_EQ(LogprobBackwardInPlaceCuda(device_rows, LogitType::kFloat32, device_grad.get(), nullptr,
                                         device_logits.get(), nullptr),
              0);
    ExpectClose(device_logits.ToHost(), gradient, 1e-5);
    ASSERT_EQ(LogprobBackwardInPlaceCuda(device_rows, LogitType::kFloat32, device_grad.get(), device_entropy_grad.get(),
                                         device_both.get(), nullptr),
              0);
    ExpectClose(device_both.ToHost(), both, 1e-5);
    ASSERT_EQ(LogprobBackwardInPlaceCuda(device_rows, LogitType::kBfloat16, device_grad.get(), nullptr,
                                         device_halves.get(), nullptr),
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

// Random tokens and every axis of the contract.
class SegmentObjectiveOnDevice {
 public:
  explicit SegmentObjectiveOnDevice(const std::vector<int64_t>& offsets)
      : offsets_(offsets),
        proximal_(RandomFloats(kTokens, 1, 1.0f)),
        advantages_(RandomFloats(kTokens, 3, 1.0f)),
        weights_(kTokens, 1.0f / kTokens),
        narrow_(kTokens, 0.01f),
        wide_(kTokens, 0.04f),
        mask_(kTokens, 1) {
    const std::vector<float> change = RandomFloats(kTokens, 2, 0.3f);
    for (int64_t t = 0; t < kTokens; ++t) policy_.push_back(proximal_[t] + change[t]);
    policy_[77] += 25.0f;
    for (int64_t t = 0; t < kTokens; t += 6) mask_[t] = 0;
  }

  // Both sides start from a gradient of 0.5, which matters only where they add.
  void ExpectEqual(const SegmentInputs<float>& settings, bool per_token, int bounds) {
    const DeviceArray<float> policy(policy_), proximal(proximal_), advantages(advantages_), weights(weights_),
        narrow(narrow_), wide(wide_), gradient(std::vector<float>(kTokens, 0.5f));
    const DeviceArray<uint8_t> mask(mask_);
    const DeviceArray<int64_t> offsets(offsets_);
    const DeviceArray<double> workspace{std::vector<double>(SegmentObjectiveCudaWorkspaceDoubles())};
    const DeviceArray<SegmentStatistics> statistics(std::vector<SegmentStatistics>(1));
    const auto fill = [&](SegmentInputs<float> in, const auto& x, const auto& o, const auto& a, const auto& w,
                          const auto& low, const auto& high, const uint8_t* m, const int64_t* cuts) {
      in.policy_logprobs_T = x;
      in.proximal_logprobs_T = o;
      in.advantages_T = a;
      in.weights_T = w;
      in.mask_T = m;
      in.num_tokens = kTokens;
      in.segment_offsets = per_token ? nullptr : cuts;
      in.num_segments = static_cast<int64_t>(offsets_.size()) - 1;
      if (bounds == 1) in.clip_low_S = low, in.clip_high_S = high;
      if (bounds == 2) in.clip_low_T = low, in.clip_high_T = high;
      return in;
    };
    const SegmentInputs<float> host =
        fill(settings, policy_.data(), proximal_.data(), advantages_.data(), weights_.data(), narrow_.data(),
             wide_.data(), mask_.data(), offsets_.data());
    const SegmentInputs<float> device = fill(settings, policy.get(), proximal.get(), advantages.get(), weights.get(),
                                             narrow.get(), wide.get(), mask.get(), offsets.get());
    std::vector<float> expected_gradient(kTokens, 0.5f);
    const SegmentStatistics expected = ComputeSegmentObjective<float>(host, expected_gradient.data());
    ASSERT_EQ(ComputeSegmentObjectiveCuda<float>(device, gradient.get(), statistics.get(), workspace.get(), nullptr),
              0);
    ExpectClose(gradient.ToHost(), expected_gradient, 1e-5);
    const SegmentStatistics result = statistics.ToHost()[0];
    EXPECT_NEAR(result.loss, expected.loss, 1e-5 * (1 + std::abs(expected.loss)));
    EXPECT_EQ(result.num_tokens, expected.num_tokens);
    EXPECT_EQ(result.num_clipped_low, expected.num_clipped_low);
    EXPECT_EQ(result.num_clipped_high, expected.num_clipped_high);
    EXPECT_EQ(result.num_dual_clipped, expected.num_dual_clipped);
    EXPECT_NEAR(result.sum_ratio, expected.sum_ratio, 1e-5 * expected.sum_ratio);
    EXPECT_NEAR(result.min_ratio, expected.min_ratio, 1e-5 * expected.min_ratio);
    EXPECT_NEAR(result.max_ratio, expected.max_ratio, 1e-5 * expected.max_ratio);
  }

 private:
  static constexpr int64_t kTokens = 5000;
  const std::vector<int64_t> offsets_;
  std::vector<float> policy_, proximal_, advantages_, weights_, narrow_, wide_;
  std::vector<uint8_t> mask_;
};

TEST_F(CudaSmokeTest, SegmentObjectiveMatchesCpu) {
  std::vector<int64_t> short_segments;
  for (int64_t t = 0; t < 5000; t += 1 + t % 61) short_segments.push_back(t);
  short_segments.push_back(5000);
  // A block per segment, then a warp per segment.
  for (const std::vector<int64_t>& offsets : {std::vector<int64_t>{0, 1, 900, 900, 2500, 5000}, short_segments}) {
    SegmentObjectiveOnDevice tokens(offsets);
    for (const SurrogateKind kind :
         {SurrogateKind::kClip, SurrogateKind::kCispo, SurrogateKind::kSapo, SurrogateKind::kUnclipped}) {
      for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
        for (const bool per_token : {true, false}) {
          for (const int bounds : {0, 1, 2}) {
            SegmentInputs<float> settings{.kind = kind, .flow = flow, .clip_low = 0.02f, .clip_high = 0.03f};
            tokens.ExpectEqual(settings, per_token, bounds);
            settings.dual_clip = 1.25f;
            settings.delta = 1.035f;
            settings.token_log_clip = 0.375f;
            settings.tau_negative = 1.05f;
            settings.adds_to_gradient = true;
            tokens.ExpectEqual(settings, per_token, bounds);
          }
        }
      }
    }
  }
}

TEST_F(CudaSmokeTest, GroupAdvantagesAreBitEqualWithCpu) {
  for (const int64_t size : {1, 8, 33}) {
    const int64_t num_groups = 1000;
    std::vector<float> rewards = RandomFloats(num_groups * size, 5, 1.0f);
    std::vector<uint8_t> mask(rewards.size(), 1);
    for (size_t i = 0; i < mask.size(); i += 3) mask[i] = 0;
    for (int64_t n = 0; n < size; ++n) rewards[n] = 0.3f;
    for (const bool has_mask : {false, true}) {
      for (const bool leave_one_out : {false, true}) {
        const GroupAdvantageSettings settings{.leave_one_out = leave_one_out, .epsilon = 1e-6};
        std::vector<float> expected(rewards.size());
        ComputeGroupAdvantages<float>(settings, {rewards.data(), has_mask ? mask.data() : nullptr, num_groups, size},
                                      expected.data());
        const DeviceArray<float> d_rewards(rewards), d_advantages(rewards);
        const DeviceArray<uint8_t> d_mask(mask);
        ASSERT_EQ(ComputeGroupAdvantagesCuda<float>(
                      settings, {d_rewards.get(), has_mask ? d_mask.get() : nullptr, num_groups, size},
                      d_advantages.get(), nullptr),
                  0);
        EXPECT_EQ(d_advantages.ToHost(), expected);
      }
    }
  }
}

TEST_F(CudaSmokeTest, AdamWIsBitEqualWithCpu) {
  const int64_t count = 100003;
  std::vector<float> param = RandomFloats(count, 1, 1.0f), exp_avg(count), exp_avg_sq(count);
  std::vector<uint16_t> cast(count);
  const DeviceArray<uint16_t> d_cast(cast);
  const DeviceArray<float> d_param(param), d_exp_avg(exp_avg), d_exp_avg_sq(exp_avg_sq);
  for (int64_t step = 1; step <= 3; ++step) {
    const std::vector<float> grad = RandomFloats(count, 10 + static_cast<uint32_t>(step), 0.1f);
    const DeviceArray<float> d_grad(grad);
    const AdamWSettings settings{.learning_rate = 1e-3, .weight_decay = 0.1, .gradient_scale = 0.5, .step = step};
    AdamWStep(settings, count, {param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), cast.data()});
    ASSERT_EQ(AdamWStepCuda(settings, count,
                            {d_param.get(), d_grad.get(), d_exp_avg.get(), d_exp_avg_sq.get(), d_cast.get()}, nullptr),
              0);
  }
  EXPECT_EQ(d_param.ToHost(), param);
  EXPECT_EQ(d_exp_avg_sq.ToHost(), exp_avg_sq);
  EXPECT_EQ(d_cast.ToHost(), cast);
}

TEST_F(CudaSmokeTest, SquareSumMatchesCpuInFp64AndRepeatsItsBits) {
  for (const int64_t count : {0, 1, 257, 3000017}) {
    std::vector<float> values = RandomFloats(count, 1, 1.0f);
    if (count > 1) values[1] = 3e30f;  // its square is above the largest fp32
    const DeviceArray<float> d_values(values);
    const DeviceArray<double> workspace{std::vector<double>(SquareSumCudaWorkspaceDoubles())};
    const double expected = SquareSum(count, values.data());
    double first = -1;
    for (int run = 0; run < 2; ++run) {
      const DeviceArray<double> sum{std::vector<double>(1, -1)};
      ASSERT_EQ(SquareSumCuda(count, d_values.get(), sum.get(), workspace.get(), nullptr), 0);
      const double found = sum.ToHost()[0];
      EXPECT_NEAR(found, expected, 1e-12 * expected) << count;
      if (run == 0) first = found;
      EXPECT_EQ(found, first) << count;
    }
  }
}

}  // namespace
}  // namespace cohort::kernels
