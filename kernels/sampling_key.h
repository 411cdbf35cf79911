// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SAMPLING_KEY_H_
#define COHORT_KERNELS_SAMPLING_KEY_H_

#include <cstdint>

#include "common/philox.h"

namespace cohort::kernels {

// Names one draw. The draw is a function of the name alone, so it does not matter which process makes it, in what
// batch, or how often.
struct SamplingKey {
  uint64_t seed = 0;       // of the job
  int64_t problem_id = 0;  // any value
  int64_t epoch = 0;       // pass over the problems, < 2^16
  int64_t sibling = 0;     // completion within the group, < 2^16
  int64_t position = 0;    // of the token in the completion, from 0, < 2^32
};

// Uniform in (0, 1). Philox key: the seed's low and high word. Counter: position, sibling | epoch << 16, the problem
// id's low and high word; the first output word is used. Distinct names within the stated ranges never share a counter.
inline double SamplingUniform(const SamplingKey& key) {
  const uint64_t problem = static_cast<uint64_t>(key.problem_id);
  const uint32_t sibling_epoch =
      (static_cast<uint32_t>(key.sibling) & 0xFFFF) | (static_cast<uint32_t>(key.epoch) << 16);
  return common::UniformOpen(
      common::Philox4x32({static_cast<uint32_t>(key.position), sibling_epoch, static_cast<uint32_t>(problem),
                          static_cast<uint32_t>(problem >> 32)},
                         {static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32)})[0]);
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SAMPLING_KEY_H_
