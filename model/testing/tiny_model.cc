// SPDX-License-Identifier: Apache-2.0
#include "model/testing/tiny_model.h"

#include <ATen/ops/empty.h>

#include <random>

#include "model/architectures/qwen3.h"

namespace cohort::model {

ModelConfig TinyConfig() {
  ModelConfig config;
  config.architecture = kQwen3Architecture;
  config.vocab_size = 50;
  config.hidden_size = 64;
  config.intermediate_size = 88;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 24;
  config.max_position_embeddings = 256;
  config.tie_word_embeddings = true;
  config.eos_token_ids = {1};
  return config;
}

ParameterMap RandomParameters(const ModelConfig& config, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal(0.0f, 0.2f);
  std::uniform_real_distribution<float> uniform(0.5f, 1.5f);
  ParameterMap parameters;
  for (const ParameterSpec& spec : Qwen3Parameters(config)) {
    at::Tensor tensor = at::empty(spec.shape, at::kFloat);
    float* values = tensor.mutable_data_ptr<float>();
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      values[i] = spec.kind == ParameterSpec::Kind::kNorm ? uniform(generator) : normal(generator);
    }
    parameters.entries.emplace_back(spec.name, tensor);
  }
  return parameters;
}

}  // namespace cohort::model
