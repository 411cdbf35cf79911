// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/qwen3_decoder.h"

// Shapes: T rows (padded), D hidden size, N query heads, K key/value heads, H head dim, M = N * H or K * H.
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <functional>
#include <utility>

#include "common/status_macros.h"
#include "kernels/torch/attention_op.h"
#include "kernels/torch/torch_status.h"
#include "model/architectures/parameter_lookup.h"
#include "model/architectures/qwen3.h"
#include "model/decoder_rows.h"
#include "model/layers/layer_ops.h"

namespace cohort::model {
namespace {

struct Qwen3Layer {
  at::Tensor input_norm, q, k, v, q_norm, k_norm, o, post_attention_norm, gate, up, down;
};

class Qwen3Decoder final : public Decoder {
 public:
  // `parameters` in the order of Qwen3Parameters.
  Qwen3Decoder(const ModelConfig& config, ParameterMap parameters)
      : config_(config),
        parameters_(std::move(parameters)),
        rotary_(config_, parameters_.entries[0].second.device()),
        scale_(1.0 / std::sqrt(static_cast<double>(config_.head_dim))) {
    size_t next = 0;
    const auto take = [this, &next] { return parameters_.entries[next++].second; };
    embedding_VD_ = take();
    for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
      Qwen3Layer weights;
      for (at::Tensor* weight :
           {&weights.input_norm, &weights.q, &weights.k, &weights.v, &weights.q_norm, &weights.k_norm, &weights.o,
            &weights.post_attention_norm, &weights.gate, &weights.up, &weights.down}) {
        *weight = take();
      }
      layers_.push_back(std::move(weights));
    }
    norm_D_ = take();
    output_VD_ = config_.tie_word_embeddings ? embedding_VD_ : take();
  }

  absl::StatusOr<at::Tensor> ForwardPacked(const PackedBatch& batch) const override {
    COHORT_RETURN_IF_ERROR(CheckPackedBatch(batch, config_));
    at::Tensor hidden_TD;
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("forward", [&] {
      const DecoderRows rows = MakeDecoderRows(batch.token_ids, PackedPositions(batch), rotary_);
      hidden_TD = Forward(rows, [&](int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        return kernels::PackedCausalAttention(q, k, v, batch.cu_seqlens, scale_);
      });
      return absl::OkStatus();
    }));
    return hidden_TD;
  }

  absl::StatusOr<at::Tensor> ForwardPaged(const PagedBatch& batch, KvCache* cache) const override {
    COHORT_RETURN_IF_ERROR(CheckPagedBatch(batch, config_, *cache));
    at::Tensor hidden_TD;
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("forward", [&] {
      const at::NoGradGuard no_grad;
      const DecoderRows rows = MakeDecoderRows(batch.token_ids, batch.positions, rotary_);
      const std::vector<int64_t> slots = CacheSlots(batch);
      hidden_TD = Forward(rows, [&](int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        WriteCacheRows(k, v, slots, layer, cache);
        return kernels::PagedAttention(q, cache->keys(layer), cache->values(layer), batch.positions, batch.sequences,
                                       batch.block_tables, scale_);
      });
      return absl::OkStatus();
    }));
    return hidden_TD;
  }

  at::Tensor OutputWeight() const override { return output_VD_; }
  const ModelConfig& config() const override { return config_; }
  const ParameterMap& parameters() const override { return parameters_; }

 private:
  // Attention of one layer: (layer, q [T, N, H], k [T, K, H], v [T, K, H]) to [T, N, H].
  using Attend =
      std::function<at::Tensor(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

  // The one forward pass; the training and the cached pass differ in `attend` alone.
  at::Tensor Forward(const DecoderRows& rows, const Attend& attend) const {
    at::Tensor hidden_TD = at::embedding(embedding_VD_, rows.token_ids_T);
    for (int64_t layer = 0; layer < config_.num_layers; ++layer) hidden_TD = Layer(layer, hidden_TD, rows, attend);
    return RmsNorm(hidden_TD, norm_D_, config_.rms_norm_eps).narrow(0, 0, rows.num_rows);
  }

  at::Tensor Layer(int64_t layer, const at::Tensor& hidden_TD, const DecoderRows& rows, const Attend& attend) const {
    const Qwen3Layer& w = layers_[layer];
    const int64_t num_rows = hidden_TD.size(0);
    const at::Tensor x_TD = RmsNorm(hidden_TD, w.input_norm, config_.rms_norm_eps);
    const at::Tensor q_TNH = NormRope(at::linear(x_TD, w.q), w.q_norm, rows.cos_TA, rows.sin_TA, config_.rms_norm_eps);
    const at::Tensor k_TKH = NormRope(at::linear(x_TD, w.k), w.k_norm, rows.cos_TA, rows.sin_TA, config_.rms_norm_eps);
    const at::Tensor v_TKH = at::linear(x_TD, w.v).view({num_rows, config_.num_kv_heads, config_.head_dim});
    const at::Tensor attended_TM =
        attend(layer, q_TNH, k_TKH, v_TKH).view({num_rows, config_.num_heads * config_.head_dim});
    const at::Tensor middle_TD = at::linear(attended_TM, w.o).add_(hidden_TD);
    const at::Tensor y_TD = RmsNorm(middle_TD, w.post_attention_norm, config_.rms_norm_eps);
    return at::linear(Swiglu(at::linear(y_TD, w.gate), at::linear(y_TD, w.up)), w.down).add_(middle_TD);
  }

  const ModelConfig config_;
  const ParameterMap parameters_;
  const RotaryTable rotary_;
  const double scale_;
  at::Tensor embedding_VD_, norm_D_, output_VD_;
  std::vector<Qwen3Layer> layers_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> CreateQwen3Decoder(const ModelConfig& config, ParameterMap parameters) {
  COHORT_ASSIGN_OR_RETURN(ParameterMap arranged, ArrangeParameters(Qwen3Parameters(config), parameters));
  std::unique_ptr<Decoder> decoder;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("decoder", [&] {
    decoder = std::make_unique<Qwen3Decoder>(config, std::move(arranged));
    return absl::OkStatus();
  }));
  return decoder;
}

}  // namespace cohort::model
