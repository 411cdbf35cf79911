// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ALIGNED_FLOATS_H_
#define COHORT_KERNELS_ALIGNED_FLOATS_H_

#include <cstdint>
#include <memory>
#include <new>

namespace cohort::kernels {

struct AlignedFloatsDeleter {
  void operator()(float* p) const { ::operator delete[](p, std::align_val_t{64}); }
};

// Uninitialised scratch on a cache line boundary, freed with the pointer.
using AlignedFloats = std::unique_ptr<float[], AlignedFloatsDeleter>;

inline AlignedFloats AllocateAlignedFloats(int64_t count) {
  return AlignedFloats(
      static_cast<float*>(::operator new[](static_cast<size_t>(count) * sizeof(float), std::align_val_t{64})));
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ALIGNED_FLOATS_H_
