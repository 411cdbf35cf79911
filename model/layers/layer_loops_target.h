// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_LAYER_LOOPS_TARGET_H_
#define COHORT_MODEL_LAYERS_LAYER_LOOPS_TARGET_H_

// The tables that layer_loops_target.cc defines, once per instruction set.

#include "model/layers/layer_loops.h"

namespace cohort::model {
namespace baseline {
extern const LayerLoops kLayerLoops;
}
namespace avx2 {
extern const LayerLoops kLayerLoops;
}
namespace avx512 {
extern const LayerLoops kLayerLoops;
}
}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_LAYER_LOOPS_TARGET_H_
