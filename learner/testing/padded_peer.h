// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_PADDED_PEER_H_
#define COHORT_LEARNER_TESTING_PADDED_PEER_H_

// Shapes: B sequences of a batch, L tokens of its longest, C of its positions that may predict a trained token, D
// hidden size, N query heads, K key/value heads, H head dim, A = H/2 angles, V vocabulary.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "learner/batch/train_sequence.h"
#include "model/model_config.h"
#include "model/parameter_map.h"
#include "model/rotary_table.h"

namespace cohort::learner {

// Sequences of a batch, zeros behind those that are shorter than the longest. Nothing looks back at what lies behind
// its end, so a causal mask is all the mask that is needed.
struct PaddedBatch {
  at::Tensor token_ids_BL;          // int64
  int64_t first_row = 0;            // no sequence trains a token that an earlier position predicts
  at::Tensor targets_BC;            // int64, the token behind position first_row + c
  at::Tensor proximal_logprobs_BC;  // fp32, from the sampler
  at::Tensor advantages_B1;         // fp32
  at::Tensor weights_BC;            // fp32, of the loss: 1 / (sequences of the update * trained tokens), 0 elsewhere
};

// Batches of whole sequences in the order of the list, each of at most `max_tokens` padded ones, on `device`; a
// sequence longer than that gets a batch of its own. Pure.
std::vector<PaddedBatch> PadSequences(const std::vector<TrainSequence>& sequences, int64_t max_tokens,
                                      const at::Device& device = at::kCPU);

// Tokens of all batches, padding included.
int64_t NumPaddedTokens(const std::vector<PaddedBatch>& batches);

struct PeerOptions {
  double learning_rate = 0;
  double weight_decay = 0;
  double max_gradient_norm = 0;
  double clip_low = 0, clip_high = 0;  // of the importance ratio
};

// The peer of benchmarks: a GRPO train step as one writes it with PyTorch's operators and autograd, on padded batches,
// with the logits of every position; then clip_grad_norm_ and AdamW with fused=True. A Qwen3 with tied embeddings, on
// the device of its weights. They are fp32; a pass may compute in bf16, with weights rounded once a batch as autocast
// does, log_softmax in fp32, and gradients that reach the weights in fp32. Where PyTorch offers several ways it takes
// the cheapest: padding behind the sequences, so that attention is the flash kernel with is_causal and without a mask;
// no logits before the first trained token of a batch; no Python. Not thread-safe; throws what LibTorch throws.
class PaddedPeer final {
 public:
  // Copies the weights.
  PaddedPeer(const model::ModelConfig& config, const model::ParameterMap& weights, const PeerOptions& options);

  // Leaves the gradient of all batches in the parameters and returns the loss. Computes in `type`, fp32 or bf16.
  double Backpropagate(const std::vector<PaddedBatch>& batches, at::ScalarType type = at::kFloat);
  // [B, C], fp32, with history where gradients are enabled.
  at::Tensor Logprobs(const PaddedBatch& batch, at::ScalarType type) const;
  // Clips the gradients in place, updates, and returns their norm before that.
  double ClipAndUpdate();

  const model::ParameterMap& parameters() const { return parameters_; }

 private:
  struct Layer {
    at::Tensor input_norm, q, k, v, q_norm, k_norm, o, post_attention_norm, gate, up, down;
  };
  struct Weights {
    at::Tensor embedding_VD, norm_D;
    std::vector<Layer> layers;
  };
  // Parameters that are decayed alike, with their moments, as _fused_adamw_ takes them.
  struct ParameterGroup {
    double weight_decay = 0;
    std::vector<at::Tensor> parameters, exp_avgs, exp_avg_sqs, steps;
  };

  Weights WeightsIn(at::ScalarType type) const;
  at::Tensor Loss(const PaddedBatch& batch, at::ScalarType type) const;
  at::Tensor Attention(const Layer& layer, const at::Tensor& x_BLD, const model::RotaryAngles& angles) const;
  at::Tensor Norm(const at::Tensor& x, const at::Tensor& weight) const;

  const model::ModelConfig config_;
  const PeerOptions options_;
  const model::RotaryTable rotary_;
  model::ParameterMap parameters_;
  Weights weights_;  // the parameters
  std::vector<ParameterGroup> groups_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_PADDED_PEER_H_
