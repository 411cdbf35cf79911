// SPDX-License-Identifier: Apache-2.0
#include "common/philox.h"

#include <gtest/gtest.h>

namespace cohort::common {
namespace {

using Words = std::array<uint32_t, 4>;

// philox4x32-10 of the authors' known-answer file (Random123, kat_vectors).
TEST(PhiloxTest, MatchesThePublishedVectors) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(UniformOpenTest, NeverReachesItsEnds) {
  EXPECT_GT(UniformOpen(0), 0.0);
  EXPECT_LT(UniformOpen(~0u), 1.0);
  EXPECT_DOUBLE_EQ(UniformOpen(1u << 31), 0.5 + 0.5 / 4294967296.0);
}

}  // namespace
}  // namespace cohort::common
