// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SHAPE_TEXT_H_
#define COHORT_KERNELS_SHAPE_TEXT_H_

#include <cstdint>
#include <string>

namespace cohort::kernels {

// "64 x 151936": how benchmarks name the shape of a matrix. Pure.
inline std::string ShapeText(int64_t num_rows, int64_t num_columns) {
  return std::to_string(num_rows) + " x " + std::to_string(num_columns);
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SHAPE_TEXT_H_
