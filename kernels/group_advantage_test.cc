// SPDX-License-Identifier: Apache-2.0
#include "kernels/group_advantage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace cohort::kernels {
namespace {

template <typename Real>
std::vector<Real> Compute(const GroupAdvantageSettings& settings, const std::vector<Real>& rewards, int64_t group_size,
                          const std::vector<uint8_t>& mask = {}, CpuTarget target = BestCpuTarget()) {
  const int64_t num_groups = static_cast<int64_t>(rewards.size()) / group_size;
  std::vector<Real> advantages(rewards.size(), std::numeric_limits<Real>::quiet_NaN());
  ComputeGroupAdvantages<Real>(settings, {rewards.data(), mask.empty() ? nullptr : mask.data(), num_groups, group_size},
                               advantages.data(), target);
  return advantages;
}

// The formula with two passes over the rewards that count.
std::vector<double> Reference(const GroupAdvantageSettings& settings, const std::vector<double>& rewards,
                              const std::vector<uint8_t>& mask) {
  double count = 0, sum = 0, squares = 0, smallest = INFINITY, largest = -INFINITY;
  const auto counts = [&mask](size_t i) { return mask.empty() || mask[i] != 0; };
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!counts(i)) continue;
    count += 1;
    sum += rewards[i];
    smallest = std::min(smallest, rewards[i]);
    largest = std::max(largest, rewards[i]);
  }
  std::vector<double> advantages(rewards.size(), 0.0);
  if (count < 2 || smallest == largest) return advantages;
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (counts(i)) squares += std::pow(rewards[i] - sum / count, 2);
  }
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!counts(i)) continue;
    const double baseline = settings.leave_one_out ? (sum - rewards[i]) / (count - 1) : sum / count;
    const double std = std::sqrt(squares / (settings.population_std ? count : count - 1));
    advantages[i] = (rewards[i] - baseline) / (settings.divide_by_std ? std + settings.epsilon : 1.0);
  }
  return advantages;
}

template <typename Real>
void ExpectValues(const GroupAdvantageSettings& settings, double where_one, double where_zero, double tolerance) {
  const std::vector<Real> rewards = {1, 0, 0, 1, 1, 0, 0, 0};
  std::vector<Real> sixteen_groups;
  for (int g = 0; g < 16; ++g) sixteen_groups.insert(sixteen_groups.end(), rewards.begin(), rewards.end());
  for (const std::vector<Real>& input : {rewards, sixteen_groups}) {
    const std::vector<Real> advantages = Compute<Real>(settings, input, 8);
    for (size_t i = 0; i < input.size(); ++i) {
      EXPECT_NEAR(advantages[i], input[i] == 1 ? where_one : where_zero, tolerance) << i;
    }
  }
}

template <typename Real>
void ExpectPublishedValues(double tolerance) {
  ExpectValues<Real>({.epsilon = 1e-6}, 1.2076123963, -0.7245674378, tolerance);
  ExpectValues<Real>({.epsilon = 1e-4}, 1.2073814411, -0.7244288647, tolerance);
  ExpectValues<Real>({.population_std = true}, 1.2909944487, -0.7745966692, tolerance);
  ExpectValues<Real>({.divide_by_std = false}, 0.625, -0.375, tolerance);
  ExpectValues<Real>({.leave_one_out = true, .divide_by_std = false}, 0.7142857143, -0.4285714286, tolerance);
}

TEST(GroupAdvantageTest, MatchesPublishedValuesInDouble) { ExpectPublishedValues<double>(1e-9); }
TEST(GroupAdvantageTest, MatchesPublishedValuesInFloat) { ExpectPublishedValues<float>(1e-6); }

std::vector<GroupAdvantageSettings> AllSettings() {
  std::vector<GroupAdvantageSettings> all;
  for (const bool leave_one_out : {false, true}) {
    for (const bool divide_by_std : {false, true}) {
      for (const bool population_std : {false, true}) {
        for (const double epsilon : {0.0, 1e-4}) all.push_back({leave_one_out, divide_by_std, population_std, epsilon});
      }
    }
  }
  return all;
}

struct Groups {
  int64_t size;
  std::vector<float> rewards;
  std::vector<uint8_t> mask;
};

// Binary rewards on an offset in every other group, some constant; masks leave out none, some or all.
Groups RandomGroups(int64_t num_groups, int64_t size, bool has_mask) {
  std::mt19937 generator(static_cast<uint32_t>(size));
  std::normal_distribution<float> normal;
  Groups groups{size, {}, {}};
  for (int64_t i = 0; i < num_groups * size; ++i) {
    const int64_t g = i / size;
    float reward = g % 2 == 0 ? normal(generator) : 100.3f + static_cast<float>(generator() % 2);
    if (g % 5 == 3) reward = 0.3f;
    groups.rewards.push_back(reward);
    if (has_mask) groups.mask.push_back(g % 7 == 0 ? 0 : g % 7 == 1 || generator() % 4 != 0);
  }
  return groups;
}

TEST(GroupAdvantageTest, EverySizeAndSettingMatchesTheFormula) {
  for (const int64_t size : {1, 2, 3, 4, 7, 8, 16, 33, 128, 200}) {
    for (const bool has_mask : {false, true}) {
      const Groups groups = RandomGroups(37, size, has_mask);
      for (const GroupAdvantageSettings& settings : AllSettings()) {
        const std::vector<float> single = Compute<float>(settings, groups.rewards, size, groups.mask);
        const std::vector<double> wide =
            Compute<double>(settings, {groups.rewards.begin(), groups.rewards.end()}, size, groups.mask);
        for (int64_t g = 0; g < 37; ++g) {
          const auto part = [g, size](const auto& v) { return v.begin() + g * size; };
          const std::vector<double> rewards(part(groups.rewards), part(groups.rewards) + size);
          const std::vector<uint8_t> mask =
              has_mask ? std::vector<uint8_t>(part(groups.mask), part(groups.mask) + size) : std::vector<uint8_t>{};
          const std::vector<double> expected = Reference(settings, rewards, mask);
          for (int64_t n = 0; n < size; ++n) {
            const double scale = 1 + std::abs(expected[n]);
            ASSERT_NEAR(wide[g * size + n], expected[n], 1e-12 * scale) << size << " group " << g;
            ASSERT_NEAR(single[g * size + n], expected[n], 1e-5 * scale) << size << " group " << g;
          }
        }
      }
    }
  }
}

TEST(GroupAdvantageTest, EqualRewardsGiveExactlyZeroWithoutEpsilon) {
  for (const float reward : {0.0f, 0.3f, -1e-20f, 1e30f}) {
    for (const GroupAdvantageSettings& settings : AllSettings()) {
      for (const int64_t size : {1, 3, 8, 200}) {
        const std::vector<float> advantages = Compute<float>(settings, std::vector<float>(17 * size, reward), size);
        for (const float advantage : advantages) {
          ASSERT_EQ(advantage, 0.0f);
          ASSERT_FALSE(std::signbit(advantage));
        }
      }
    }
  }
}

TEST(GroupAdvantageTest, ASampleWithoutAVerdictChangesNothingEvenWhenItIsNotANumber) {
  Groups groups = RandomGroups(32, 8, /*has_mask=*/true);
  const std::vector<float> before = Compute<float>({.epsilon = 1e-6}, groups.rewards, 8, groups.mask);
  for (size_t i = 0; i < groups.rewards.size(); ++i) {
    if (groups.mask[i] == 0) groups.rewards[i] = std::numeric_limits<float>::quiet_NaN();
  }
  EXPECT_EQ(Compute<float>({.epsilon = 1e-6}, groups.rewards, 8, groups.mask), before);
}

TEST(GroupAdvantageTest, NotANumberReachesItsGroupAndNoOther) {
  std::vector<float> rewards = RandomGroups(16, 8, false).rewards;
  rewards[8 + 3] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> advantages = Compute<float>({.epsilon = 1e-6}, rewards, 8);
  for (size_t i = 0; i < advantages.size(); ++i) EXPECT_EQ(std::isnan(advantages[i]), i / 8 == 1) << i;
}

TEST(GroupAdvantageTest, EveryInstructionSetAndEveryPlaceGivesTheSameBits) {
  for (const int64_t size : {3, 8, 33}) {
    for (const bool has_mask : {false, true}) {
      const Groups groups = RandomGroups(48, size, has_mask);
      for (const GroupAdvantageSettings& settings : AllSettings()) {
        const std::vector<float> expected =
            Compute<float>(settings, groups.rewards, size, groups.mask, CpuTarget::kBaseline);
        for (const CpuTarget target : SupportedCpuTargets()) {
          EXPECT_EQ(Compute<float>(settings, groups.rewards, size, groups.mask, target), expected);
        }
        for (int64_t g = 0; g < 48; ++g) {
          std::vector<float> alone(size);
          ComputeGroupAdvantages<float>(
              settings, {&groups.rewards[g * size], has_mask ? &groups.mask[g * size] : nullptr, 1, size},
              alone.data());
          EXPECT_EQ(std::memcmp(alone.data(), &expected[g * size], size * sizeof(float)), 0) << g;
        }
      }
    }
  }
}

TEST(GroupAdvantageTest, RewardsMayBeOverwritten) {
  const Groups groups = RandomGroups(20, 8, false);
  std::vector<float> values = groups.rewards;
  ComputeGroupAdvantages<float>({.epsilon = 1e-6}, {values.data(), nullptr, 20, 8}, values.data());
  EXPECT_EQ(values, Compute<float>({.epsilon = 1e-6}, groups.rewards, 8));
}

}  // namespace
}  // namespace cohort::kernels
