// SPDX-License-Identifier: Apache-2.0
#include "kernels/normal_draw.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "common/philox.h"

namespace cohort::kernels {
namespace {

// The definition, with the C library.
std::vector<float> Reference(const NormalSequence& sequence, int64_t first, int64_t count) {
  std::vector<float> values;
  for (int64_t block = first / 4; 4 * block < first + count; ++block) {
    const std::array<uint32_t, 4> words = common::Philox4x32(
        {static_cast<uint32_t>(block), static_cast<uint32_t>(static_cast<uint64_t>(block) >> 32), sequence.stream, 0},
        {static_cast<uint32_t>(sequence.seed), static_cast<uint32_t>(sequence.seed >> 32)});
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = sequence.scale * std::sqrt(-2.0 * std::log(common::UniformOpen(words[2 * pair])));
      const double angle = 2.0 * M_PI * common::UniformOpen(words[2 * pair + 1]);
      values.push_back(static_cast<float>(radius * std::cos(angle)));
      values.push_back(static_cast<float>(radius * std::sin(angle)));
    }
  }
  values.resize(static_cast<size_t>(count));
  return values;
}

void ExpectReference(const NormalSequence& sequence, int64_t first, int64_t count) {
  const std::vector<float> expected = Reference(sequence, first, count);
  for (const CpuTarget target : SupportedCpuTargets()) {
    std::vector<float> values(expected.size() + 1, -7.0f);
    DrawNormal(sequence, first, count, values.data(), target);
    EXPECT_EQ(values.back(), -7.0f) << "wrote behind the end";
    if (count == 0) continue;
    ASSERT_EQ(std::memcmp(values.data(), expected.data(), expected.size() * sizeof(float)), 0)
        << CpuTargetName(target) << " seed " << sequence.seed << " first " << first << " count " << count;
  }
}

TEST(NormalDrawTest, EveryTargetGivesTheLibrarysBits) {
  // Enough for the rounding to be left open about a hundred times.
  ExpectReference({.seed = 1, .scale = 0.02}, /*first=*/0, /*count=*/4'000'000);
  ExpectReference({.seed = 0xfedcba9876543210, .stream = 12345}, int64_t{1} << 36, 100'000);
  ExpectReference({.seed = 3, .stream = 1, .scale = 1e-39}, 0, 10'000);  // fp32 subnormals
}

TEST(NormalDrawTest, AnyPieceOfASequenceIsThatPieceOfIt) {
  for (const int64_t count : {0, 1, 2, 3, 4, 5, 255, 256, 257, 1001}) {
    for (const int64_t first : {0, 4, 252, 1000}) ExpectReference({.seed = 7, .stream = 2, .scale = 0.5}, first, count);
  }
}

TEST(NormalDrawTest, SequencesOfTwoStreamsAndOfTwoSeedsDiffer) {
  float a[4], b[4], c[4];
  DrawNormal({.seed = 1}, 0, 4, a);
  DrawNormal({.seed = 1, .stream = 1}, 0, 4, b);
  DrawNormal({.seed = uint64_t{1} << 32 | 1}, 0, 4, c);
  EXPECT_NE(a[0], b[0]);
  EXPECT_NE(a[0], c[0]);
}

}  // namespace
}  // namespace cohort::kernels
