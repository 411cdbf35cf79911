// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_SOURCED_LAYER_H_
#define COHORT_MODEL_LAYERS_SOURCED_LAYER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/layer_source.h"
#include "model/layers/recomputed_layer.h"

namespace cohort::model {

// function(input, parameters of layer `layer`), which `source` has at hand while they are computed with and no longer.
// As RecomputedLayer: nothing but `input` is kept for the backward pass, which acquires the parameters again, gives
// `source` their gradients and releases them before the next layer's turn. The bits are those of RecomputedLayer. What
// `function` refers to, and `source`, must outlive the backward pass. Throws what LibTorch and the source throw.
at::Tensor SourcedLayer(const LayerFunction& function, LayerSource* source, int64_t layer, const at::Tensor& input);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_SOURCED_LAYER_H_
