// SPDX-License-Identifier: Apache-2.0
// kernels/normal_draw.h against the C library's functions on the same words, one thread each. The bound is memory
// traffic; drawing is bound by arithmetic.
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "common/philox.h"
#include "kernels/normal_draw.h"
#include "kernels/side_by_side.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kCount = 1 << 20;
constexpr double kScale = 0.02;

void DrawWithLibrary(std::vector<float>* values) {
  for (int64_t i = 0; i < kCount; i += 4) {
    const std::array<uint32_t, 4> words = common::Philox4x32({static_cast<uint32_t>(i / 4), 0, 0, 0}, {1, 0});
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = kScale * std::sqrt(-2.0 * std::log(common::UniformOpen(words[2 * pair])));
      const double angle = 2.0 * M_PI * common::UniformOpen(words[2 * pair + 1]);
      (*values)[i + 2 * pair] = static_cast<float>(radius * std::cos(angle));
      (*values)[i + 2 * pair + 1] = static_cast<float>(radius * std::sin(angle));
    }
  }
}

bool RunTarget(CpuTarget target) {
  std::vector<float> ours(kCount), peer(kCount);
  const auto run_ours = [&] { DrawNormal({.seed = 1, .scale = kScale}, 0, kCount, ours.data(), target); };
  const auto run_peer = [&] { DrawWithLibrary(&peer); };
  run_ours();
  run_peer();
  double difference = 0;
  for (int64_t i = 0; i < kCount; ++i) difference = LargerOrNan(difference, std::abs(ours[i] - peer[i]));
  return RunContest({std::string("normal draw, 2^20 numbers, ") + CpuTargetName(target), run_ours, run_peer,
                     4.0 * kCount, difference, 0});
}

}  // namespace
}  // namespace cohort::kernels

int main() {
  bool equal = true;
  for (const cohort::kernels::CpuTarget target : cohort::kernels::SupportedCpuTargets()) {
    equal &= cohort::kernels::RunTarget(target);
  }
  return equal ? 0 : 1;
}
