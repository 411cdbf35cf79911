// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_AXES_FIXTURE_H_
#define COHORT_KERNELS_SEGMENT_AXES_FIXTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/segment_batch_fixture.h"
#include "kernels/segment_objective.h"

namespace cohort::kernels {

// Every kind of the segment objective in every setting.
struct Axes {
  SurrogateKind kind;
  SegmentFlow flow;
  int level;   // 0 token, 1 ragged segments, 2 one segment
  int bounds;  // 0 scalar, 1 per segment, 2 per token
  bool has_mask;
  bool has_limits;  // dual clip, delta, token log clip

  std::string Name() const {
    return "kind" + std::to_string(static_cast<int>(kind)) + (flow == SegmentFlow::kLocal ? "_local" : "_through") +
           "_level" + std::to_string(level) + "_bounds" + std::to_string(bounds) + (has_mask ? "_mask" : "") +
           (has_limits ? "_limits" : "");
  }
};

inline std::vector<Axes> AllAxes() {
  std::vector<Axes> all;
  for (const SurrogateKind kind :
       {SurrogateKind::kClip, SurrogateKind::kCispo, SurrogateKind::kSapo, SurrogateKind::kUnclipped}) {
    for (const SegmentFlow flow : {SegmentFlow::kLocal, SegmentFlow::kThrough}) {
      for (int level = 0; level < 3; ++level) {
        for (int bounds = 0; bounds < 3; ++bounds) {
          for (const bool has_mask : {false, true}) {
            for (const bool has_limits : {false, true})
              all.push_back({kind, flow, level, bounds, has_mask, has_limits});
          }
        }
      }
    }
  }
  return all;
}

inline Batch<double> AxesBatch(const Axes& axes, int64_t num_tokens, uint32_t seed) {
  Batch<double> batch = RandomBatch(num_tokens, seed);
  if (!axes.has_mask) batch.mask.clear();
  if (axes.level == 1) batch.offsets = RaggedOffsets(num_tokens, seed);
  if (axes.level == 2) batch.offsets = {0, num_tokens};
  // Segment ratios are nearer to 1.
  const double width = axes.level == 0 ? 0.25 : 0.0625;
  batch.settings.kind = axes.kind;
  batch.settings.flow = axes.flow;
  batch.settings.clip_low = width;
  batch.settings.clip_high = 1.5 * width;
  const int64_t num_segments = batch.offsets.empty() ? num_tokens : static_cast<int64_t>(batch.offsets.size()) - 1;
  const auto widths = [width](int64_t i) {
    return static_cast<float>(width * (0.7 + 0.1 * static_cast<double>(i % 5)));
  };
  for (int64_t s = 0; axes.bounds == 1 && s < num_segments; ++s) {
    batch.low_S.push_back(widths(s));
    batch.high_S.push_back(2 * widths(s + 2));
  }
  for (int64_t t = 0; axes.bounds == 2 && t < num_tokens; ++t) {
    batch.low_T.push_back(widths(t));
    batch.high_T.push_back(2 * widths(t + 3));
  }
  batch.settings.tau_negative = 1.0625;
  if (!axes.has_limits) return batch;
  batch.settings.dual_clip = 1 + 3 * width;
  batch.settings.delta = 1 + 1.25 * width;  // between the upper bounds of some segments
  batch.settings.token_log_clip = 0.375;
  return batch;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_AXES_FIXTURE_H_
