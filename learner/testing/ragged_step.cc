// SPDX-License-Identifier: Apache-2.0
#include "learner/testing/ragged_step.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cohort::learner {
namespace {

constexpr double kSigma = 0.8;

}  // namespace

model::ModelConfig RaggedStepConfig() {
  model::ModelConfig config;
  config.architecture = "Qwen3ForCausalLM";
  config.vocab_size = 2048;
  config.hidden_size = 256;
  config.intermediate_size = 768;
  config.num_layers = 6;
  config.num_heads = 8;
  config.num_kv_heads = 4;
  config.head_dim = 32;
  config.max_position_embeddings = 1024;
  config.has_qk_norm = true;
  config.tie_word_embeddings = true;
  config.eos_token_ids = {0};
  return config;
}

StepData MakeRaggedStep(const model::ModelConfig& config, const RaggedShape& shape) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int64_t> prompt_tokens(shape.least_prompt_tokens, shape.most_prompt_tokens);
  std::lognormal_distribution<double> completion_tokens(std::log(shape.mean_completion_tokens) - kSigma * kSigma / 2,
                                                        kSigma);
  std::uniform_int_distribution<int32_t> token(0, static_cast<int32_t>(config.vocab_size) - 1);
  StepData data;
  data.updates.push_back({.num_groups = shape.num_groups});
  for (int64_t group = 0; group < shape.num_groups; ++group) {
    std::vector<int32_t> prompt(prompt_tokens(random));
    for (int32_t& id : prompt) id = token(random);
    for (int64_t sibling = 0; sibling < shape.group_size; ++sibling) {
      const int64_t length =
          std::clamp<int64_t>(std::llround(completion_tokens(random)), 1, shape.most_completion_tokens);
      TrainSequence sequence{.label = absl::StrCat("group ", group, " sibling ", sibling),
                             .token_ids = prompt,
                             .num_prompt_tokens = static_cast<int64_t>(prompt.size()),
                             .group = group,
                             .advantage = sibling % 2 == 0 ? 1.5 : -0.5};
      for (int64_t i = 0; i < length; ++i) sequence.token_ids.push_back(token(random));
      sequence.behavior_logprobs.assign(length, -std::log(static_cast<float>(config.vocab_size)));
      data.updates[0].sequences.push_back(std::move(sequence));
    }
  }
  return data;
}

int64_t NumTokens(const std::vector<TrainSequence>& sequences) {
  int64_t count = 0;
  for (const TrainSequence& sequence : sequences) count += static_cast<int64_t>(sequence.token_ids.size());
  return count;
}

double StepFlops(const model::ModelConfig& config, const std::vector<TrainSequence>& sequences) {
  const auto hidden = static_cast<double>(config.hidden_size);
  const auto query = static_cast<double>(config.num_heads * config.head_dim);
  const auto key_value = static_cast<double>(config.num_kv_heads * config.head_dim);
  const double layer = hidden * (2 * query + 2 * key_value + 3 * static_cast<double>(config.intermediate_size));
  const auto num_layers = static_cast<double>(config.num_layers);
  double multiplications = 0;
  for (const TrainSequence& sequence : sequences) {
    const auto tokens = static_cast<double>(sequence.token_ids.size());
    multiplications += tokens * num_layers * layer + num_layers * 2 * query * tokens * (tokens + 1) / 2 +
                       static_cast<double>(sequence.num_completion_tokens() * config.vocab_size) * hidden;
  }
  return 3 * 2 * multiplications;
}

}  // namespace cohort::learner
