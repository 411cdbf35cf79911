// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_WIDEN_FLOATS_H_
#define COHORT_MODEL_WEIGHTS_WIDEN_FLOATS_H_

// Torch-free. 16-bit floating-point numbers as fp32, exactly: every value of either format is an fp32 value. NaNs stay
// NaNs. `source` and `values` have room for `count` numbers and do not overlap. Pure.
#include <cstdint>

namespace cohort::model {

void WidenBfloat16(const uint16_t* source, int64_t count, float* values);

// IEEE binary16; with the processor's own instruction where it has one.
void WidenFloat16(const uint16_t* source, int64_t count, float* values);

// The same without that instruction.
void WidenFloat16Portably(const uint16_t* source, int64_t count, float* values);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_WIDEN_FLOATS_H_
