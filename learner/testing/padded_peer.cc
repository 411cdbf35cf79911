// SPDX-License-Identifier: Apache-2.0
#include "learner/testing/padded_peer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"

namespace cohort::learner {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;  // PyTorch's defaults, and ours

// x is [B, L, heads, H].
at::Tensor Rotate(const at::Tensor& x, const model::RotaryAngles& angles) {
  const auto halves = x.chunk(2, -1);
  const auto rows = [&x](const at::Tensor& table_PA) {
    return table_PA.narrow(0, 0, x.size(1)).unsqueeze(1).to(x.scalar_type());
  };
  const at::Tensor cos_L1A = rows(angles.cos_PA), sin_L1A = rows(angles.sin_PA);
  return at::cat({halves[0] * cos_L1A - halves[1] * sin_L1A, halves[1] * cos_L1A + halves[0] * sin_L1A}, -1);
}

PaddedBatch Pad(const std::vector<TrainSequence>& sequences, size_t begin, size_t end) {
  int64_t length = 0, first_row = sequences[begin].num_prompt_tokens - 1;
  for (size_t i = begin; i < end; ++i) {
    length = std::max(length, static_cast<int64_t>(sequences[i].token_ids.size()));
    first_row = std::min(first_row, sequences[i].num_prompt_tokens - 1);
  }
  const auto batch_size = static_cast<int64_t>(end - begin);
  const std::vector<int64_t> shape_BC = {batch_size, length - 1 - first_row};
  PaddedBatch batch{.token_ids_BL = at::zeros({batch_size, length}, at::kLong),
                    .first_row = first_row,
                    .targets_BC = at::zeros(shape_BC, at::kLong),
                    .proximal_logprobs_BC = at::zeros(shape_BC),
                    .advantages_B1 = at::zeros({batch_size, 1}),
                    .weights_BC = at::zeros(shape_BC)};
  auto token_ids = batch.token_ids_BL.accessor<int64_t, 2>(), targets = batch.targets_BC.accessor<int64_t, 2>();
  auto advantages = batch.advantages_B1.accessor<float, 2>();
  auto proximal = batch.proximal_logprobs_BC.accessor<float, 2>(), weights = batch.weights_BC.accessor<float, 2>();
  for (int64_t b = 0; b < batch_size; ++b) {
    const TrainSequence& sequence = sequences[begin + b];
    const double weight = 1.0 / static_cast<double>(sequences.size()) / sequence.num_completion_tokens();
    advantages[b][0] = static_cast<float>(sequence.advantage);
    for (size_t t = 0; t < sequence.token_ids.size(); ++t) token_ids[b][t] = sequence.token_ids[t];
    for (int64_t i = 0; i < sequence.num_completion_tokens(); ++i) {
      const int64_t c = sequence.num_prompt_tokens - 1 + i - first_row;
      targets[b][c] = sequence.token_ids[sequence.num_prompt_tokens + i];
      proximal[b][c] = sequence.behavior_logprobs[i];
      weights[b][c] = static_cast<float>(weight);
    }
  }
  return batch;
}

void Move(const at::Device& device, PaddedBatch* batch) {
  for (at::Tensor* tensor : {&batch->token_ids_BL, &batch->targets_BC, &batch->proximal_logprobs_BC,
                             &batch->advantages_B1, &batch->weights_BC}) {
    *tensor = tensor->to(device);
  }
}

}  // namespace

std::vector<PaddedBatch> PadSequences(const std::vector<TrainSequence>& sequences, int64_t max_tokens,
                                      const at::Device& device) {
  std::vector<PaddedBatch> batches;
  size_t begin = 0;
  int64_t longest = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    longest = std::max(longest, static_cast<int64_t>(sequences[i].token_ids.size()));
    if (i > begin && longest * static_cast<int64_t>(i - begin + 1) > max_tokens) {
      batches.push_back(Pad(sequences, begin, i));
      begin = i;
      longest = static_cast<int64_t>(sequences[i].token_ids.size());
    }
  }
  if (begin < sequences.size()) batches.push_back(Pad(sequences, begin, sequences.size()));
  for (PaddedBatch& batch : batches) Move(device, &batch);
  return batches;
}

int64_t NumPaddedTokens(const std::vector<PaddedBatch>& batches) {
  int64_t count = 0;
  for (const PaddedBatch& batch : batches) count += batch.token_ids_BL.numel();
  return count;
}

PaddedPeer::PaddedPeer(const model::ModelConfig& config, const model::ParameterMap& weights, const PeerOptions& options)
    : config_(config), options_(options), rotary_(config, weights.entries[0].second.device()), groups_(2) {
  groups_[0].weight_decay = options.weight_decay;
  for (const auto& [name, weight] : weights.entries) {
    const at::Tensor parameter = weight.detach().clone().requires_grad_(true);
    parameters_.entries.emplace_back(name, parameter);
    ParameterGroup& group = groups_[weight.dim() == 2 ? 0 : 1];  // matrices are decayed
    group.parameters.push_back(parameter);
    group.exp_avgs.push_back(at::zeros_like(weight));
    group.exp_avg_sqs.push_back(at::zeros_like(weight));
    group.steps.push_back(at::zeros({}, weight.options().requires_grad(false)));
  }
  weights_.embedding_VD = parameters_.Find("model.embed_tokens.weight");
  weights_.norm_D = parameters_.Find("model.norm.weight");
  for (int64_t i = 0; i < config.num_layers; ++i) {
    const auto find = [&](const char* name) {
      return parameters_.Find(absl::StrCat("model.layers.", i, ".", name, ".weight"));
    };
    weights_.layers.push_back({.input_norm = find("input_layernorm"),
                               .q = find("self_attn.q_proj"),
                               .k = find("self_attn.k_proj"),
                               .v = find("self_attn.v_proj"),
                               .q_norm = find("self_attn.q_norm"),
                               .k_norm = find("self_attn.k_norm"),
                               .o = find("self_attn.o_proj"),
                               .post_attention_norm = find("post_attention_layernorm"),
                               .gate = find("mlp.gate_proj"),
                               .up = find("mlp.up_proj"),
                               .down = find("mlp.down_proj")});
  }
}

// fp32 weights are the parameters themselves.
PaddedPeer::Weights PaddedPeer::WeightsIn(at::ScalarType type) const {
  Weights weights = weights_;
  std::vector<at::Tensor*> all = {&weights.embedding_VD, &weights.norm_D};
  for (Layer& layer : weights.layers) {
    all.insert(all.end(), {&layer.input_norm, &layer.q, &layer.k, &layer.v, &layer.q_norm, &layer.k_norm, &layer.o,
                           &layer.post_attention_norm, &layer.gate, &layer.up, &layer.down});
  }
  for (at::Tensor* weight : all) *weight = weight->to(type);
  return weights;
}

at::Tensor PaddedPeer::Norm(const at::Tensor& x, const at::Tensor& weight) const {
  return at::rms_norm(x, weight.sizes(), weight, config_.rms_norm_eps);
}

at::Tensor PaddedPeer::Attention(const Layer& layer, const at::Tensor& x_BLD, const model::RotaryAngles& angles) const {
  const auto heads = [&](const at::Tensor& weight) {
    return at::linear(x_BLD, weight).view({x_BLD.size(0), x_BLD.size(1), -1, config_.head_dim});
  };
  const at::Tensor q_BLNH = Rotate(Norm(heads(layer.q), layer.q_norm), angles);
  const at::Tensor k_BLKH = Rotate(Norm(heads(layer.k), layer.k_norm), angles);
  const at::Tensor attended_BNLH = at::scaled_dot_product_attention(
      q_BLNH.transpose(1, 2), k_BLKH.transpose(1, 2), heads(layer.v).transpose(1, 2), /*attn_mask=*/{},
      /*dropout_p=*/0.0, /*is_causal=*/true, 1.0 / std::sqrt(static_cast<double>(config_.head_dim)),
      /*enable_gqa=*/true);
  return at::linear(attended_BNLH.transpose(1, 2).flatten(2), layer.o);
}

at::Tensor PaddedPeer::Logprobs(const PaddedBatch& batch, at::ScalarType type) const {
  const Weights weights = WeightsIn(type);
  const int64_t length = batch.token_ids_BL.size(1);
  const model::RotaryAngles angles = rotary_.Covering(length);
  at::Tensor hidden_BLD = at::embedding(weights.embedding_VD, batch.token_ids_BL);
  for (const Layer& layer : weights.layers) {
    hidden_BLD = hidden_BLD + Attention(layer, Norm(hidden_BLD, layer.input_norm), angles);
    const at::Tensor y_BLD = Norm(hidden_BLD, layer.post_attention_norm);
    hidden_BLD =
        hidden_BLD + at::linear(at::silu(at::linear(y_BLD, layer.gate)) * at::linear(y_BLD, layer.up), layer.down);
  }
  const at::Tensor last_BCD = Norm(hidden_BLD.slice(1, batch.first_row, length - 1), weights.norm_D);
  const at::Tensor all_BCV = at::log_softmax(at::linear(last_BCD, weights.embedding_VD).to(at::kFloat), -1);
  return all_BCV.gather(2, batch.targets_BC.unsqueeze(2)).squeeze(2);
}

at::Tensor PaddedPeer::Loss(const PaddedBatch& batch, at::ScalarType type) const {
  const at::Tensor ratio_BC = at::exp(Logprobs(batch, type) - batch.proximal_logprobs_BC);
  const at::Tensor clipped_BC = ratio_BC.clamp(1 - options_.clip_low, 1 + options_.clip_high);
  const at::Tensor surrogate_BC = at::minimum(ratio_BC * batch.advantages_B1, clipped_BC * batch.advantages_B1);
  return -(surrogate_BC * batch.weights_BC).sum();
}

double PaddedPeer::Backpropagate(const std::vector<PaddedBatch>& batches, at::ScalarType type) {
  for (const auto& [name, parameter] : parameters_.entries) parameter.mutable_grad() = at::Tensor();
  double sum = 0;
  for (const PaddedBatch& batch : batches) {
    const at::Tensor loss = Loss(batch, type);
    loss.backward();
    sum += loss.item<double>();
  }
  return sum;
}

double PaddedPeer::ClipAndUpdate() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> all_gradients;
  for (const auto& [name, parameter] : parameters_.entries) all_gradients.push_back(parameter.grad());
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(all_gradients, 2)), 2);
  at::_foreach_mul_(all_gradients, at::clamp(options_.max_gradient_norm / (norm + 1e-6), {}, 1.0));
  for (ParameterGroup& group : groups_) {
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& parameter : group.parameters) gradients.push_back(parameter.grad());
    at::_foreach_add_(group.steps, 1);
    at::_fused_adamw_(group.parameters, gradients, group.exp_avgs, group.exp_avg_sqs, {}, group.steps,
                      options_.learning_rate, kBeta1, kBeta2, group.weight_decay, kEpsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
  return norm.item<double>();
}

}  // namespace cohort::learner
