// SPDX-License-Identifier: Apache-2.0
#include "model/layers/layer_loops.h"

#include "model/layers/layer_loops_target.h"

namespace cohort::model {

const LayerLoops& LayerLoopsFor(kernels::CpuTarget target) {
  switch (target) {
    case kernels::CpuTarget::kAvx512:
      return avx512::kLayerLoops;
    case kernels::CpuTarget::kAvx2:
      return avx2::kLayerLoops;
    case kernels::CpuTarget::kBaseline:
      break;
  }
  return baseline::kLayerLoops;
}

}  // namespace cohort::model
