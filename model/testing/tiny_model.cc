// SPDX-License-Identifier: Apache-2.0
#include "model/testing/tiny_model.h"

#include <ATen/ops/empty.h>

#include <random>

#include "model/architectures/llama.h"
#include "model/architectures/mistral.h"
#include "model/architectures/qwen2.h"
#include "model/architectures/qwen3.h"
#include "model/architectures/transformer_parameters.h"

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
  config.has_qk_norm = true;
  config.max_position_embeddings = 256;
  config.tie_word_embeddings = true;
  config.eos_token_ids = {1};
  return config;
}

std::vector<TinyVariant> TinyVariants() {
  std::vector<TinyVariant> variants;
  const auto add = [&variants](const char* name, const char* architecture) {
    ModelConfig config = TinyConfig();
    config.architecture = architecture;
    config.has_qk_norm = false;
    variants.push_back({name, config});
    return &variants.back().config;
  };
  add("qwen3", kQwen3Architecture)->has_qk_norm = true;
  ModelConfig* untied = add("qwen3 untied", kQwen3Architecture);
  untied->has_qk_norm = true;
  untied->tie_word_embeddings = false;
  add("qwen2", kQwen2Architecture)->has_qkv_bias = true;
  ModelConfig* half_windowed = add("qwen2 untied, window in the last layer", kQwen2Architecture);
  half_windowed->has_qkv_bias = true;
  half_windowed->tie_word_embeddings = false;
  half_windowed->attention_windows = {0, 21};
  add("llama", kLlamaArchitecture);
  add("llama, scaled", kLlamaArchitecture)->rope_scaling = Llama3RopeScaling{8.0, 1.0, 4.0, 64};
  ModelConfig* windowed = add("mistral untied, windows", kMistralArchitecture);
  windowed->tie_word_embeddings = false;
  windowed->attention_windows = {37, 37};
  return variants;
}

ParameterMap RandomParameters(const ModelConfig& config, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal(0.0f, 0.2f);
  std::uniform_real_distribution<float> uniform(0.5f, 1.5f);
  ParameterMap parameters;
  for (const ParameterSpec& spec : TransformerParameters(config)) {
    at::Tensor tensor = at::empty(spec.shape, at::kFloat);
    float* values = tensor.mutable_data_ptr<float>();
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      values[i] = spec.kind == ParameterSpec::Kind::kNorm ? uniform(generator) : normal(generator);
    }
    parameters.entries.emplace_back(spec.name, tensor);
  }
  return parameters;
}

std::vector<TinyVariant> BitVariants() {
  std::vector<TinyVariant> variants = TinyVariants();
  TinyVariant demonstration{"demonstration's sizes", TinyConfig()};
  demonstration.config.hidden_size = 128;
  demonstration.config.head_dim = 32;
  demonstration.config.intermediate_size = 344;
  demonstration.config.vocab_size = 21;
  variants.push_back(demonstration);
  TinyVariant wide{"inner dimensions of a real model", TinyVariants()[2].config};  // with biases
  wide.config.hidden_size = 896;
  wide.config.intermediate_size = 1100;
  variants.push_back(wide);
  return variants;
}

}  // namespace cohort::model
