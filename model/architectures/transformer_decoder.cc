// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/transformer_decoder.h"

// Shapes: T rows (padded), D hidden size, N query heads, K key/value heads, H head dim, M = N * H or K * H.
#include <ATen/ops/embedding.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "kernels/torch/attention_op.h"
#include "kernels/torch/torch_status.h"
#include "model/architectures/parameter_lookup.h"
#include "model/architectures/transformer_parameters.h"
#include "model/decoder_rows.h"
#include "model/layers/layer_ops.h"
#include "model/layers/matrix_product.h"
#include "model/layers/recomputed_layer.h"
#include "model/layers/sourced_layer.h"
#include "model/rotary_table.h"

namespace cohort::model {
namespace {

struct Projection {
  at::Tensor weight;
  at::Tensor bias;  // undefined where there is none

  // The bias is added element by element, so a row's bits depend on the row alone as the product's do.
  at::Tensor operator()(const at::Tensor& x_TD) const {
    const at::Tensor product_TM = MatrixProduct(x_TD, weight);
    return bias.defined() ? AddBias(product_TM, bias) : product_TM;
  }
};

struct Layer {
  at::Tensor input_norm;
  Projection q, k, v;
  at::Tensor q_norm, k_norm;  // undefined without has_qk_norm
  at::Tensor o, post_attention_norm, gate, up, down;

  // Those that the config has, in the order of TransformerParameters.
  std::vector<at::Tensor*> Tensors(const ModelConfig& config) {
    std::vector<at::Tensor*> tensors = {&input_norm};
    for (Projection* projection : {&q, &k, &v}) {
      tensors.push_back(&projection->weight);
      if (config.has_qkv_bias) tensors.push_back(&projection->bias);
    }
    if (config.has_qk_norm) tensors.insert(tensors.end(), {&q_norm, &k_norm});
    tensors.insert(tensors.end(), {&o, &post_attention_norm, &gate, &up, &down});
    return tensors;
  }
};

// What attention needs of a packed batch.
struct PackedRuns {
  std::vector<int32_t> cu_seqlens;
  std::vector<int32_t> prefixes;
};

class TransformerDecoder final : public Decoder {
 public:
  // `parameters` in the order of TransformerParameters, without those of the layers when these have a source.
  TransformerDecoder(const ModelConfig& config, ParameterMap parameters, const DecoderOptions& options)
      : config_(config),
        options_(options),
        parameters_(std::move(parameters)),
        rotary_(config_, parameters_.entries[0].second.device()),
        scale_(1.0 / std::sqrt(static_cast<double>(config_.head_dim))) {
    size_t next = 0;
    const auto take = [this, &next] { return parameters_.entries[next++].second; };
    embedding_VD_ = take();
    for (int64_t layer = 0; layer < config_.num_layers && options_.layers == nullptr; ++layer) {
      std::vector<at::Tensor>& tensors = layer_tensors_.emplace_back();
      for (at::Tensor* tensor : layers_.emplace_back().Tensors(config_)) tensors.push_back(*tensor = take());
    }
    norm_D_ = take();
    output_VD_ = config_.tie_word_embeddings ? embedding_VD_ : take();
  }

  absl::StatusOr<at::Tensor> ForwardPacked(const PackedBatch& batch, const PackedPass& pass) const override {
    COHORT_RETURN_IF_ERROR(CheckPackedBatch(batch, config_));
    at::Tensor hidden_TD;
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("forward", [&] {
      const DecoderRows rows = MakeDecoderRows(batch.token_ids, PackedPositions(batch), rotary_);
      // Kept for layers that are computed again after the batch is gone.
      const auto runs = std::make_shared<const PackedRuns>(PackedRuns{batch.cu_seqlens, batch.prefixes});
      const Attend attend = [this, runs](int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        return kernels::PackedCausalAttention(q, k, v, runs->cu_seqlens, Attention(layer), runs->prefixes);
      };
      hidden_TD = Forward(rows, attend, pass.recompute_activations);
      return absl::OkStatus();
    }));
    return hidden_TD;
  }

  absl::StatusOr<at::Tensor> ForwardPaged(const PagedBatch& batch, KvCache* cache) const override {
    COHORT_RETURN_IF_ERROR(CheckPagedBatch(batch, config_, *cache));
    if ((cache->keys(0).scalar_type() == at::kBFloat16) != (options_.precision == Precision::kBf16)) {
      return absl::InvalidArgumentError("cache: is of another precision than the decoder");
    }
    at::Tensor hidden_TD;
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("forward", [&] {
      const at::NoGradGuard no_grad;
      const DecoderRows rows = MakeDecoderRows(batch.token_ids, batch.positions, rotary_);
      const std::vector<int64_t> slots = CacheSlots(batch);
      hidden_TD = Forward(rows, [&](int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        WriteCacheRows(k, v, slots, layer, cache);
        return kernels::PagedAttention(q, cache->keys(layer), cache->values(layer), batch.positions, batch.sequences,
                                       batch.block_tables, Attention(layer));
      });
      return absl::OkStatus();
    }));
    return hidden_TD;
  }

  at::Tensor OutputWeight() const override { return output_VD_; }
  const ModelConfig& config() const override { return config_; }
  Precision precision() const override { return options_.precision; }
  const ParameterMap& parameters() const override { return parameters_; }

 private:
  // Attention of one layer: (layer, q [T, N, H], k [T, K, H], v [T, K, H]) to [T, N, H].
  using Attend =
      std::function<at::Tensor(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

  kernels::AttentionOptions Attention(int64_t layer) const { return {scale_, config_.AttentionWindow(layer)}; }

  // Rows of the embedding; in bf16 rounded, which is the type of all that follows: operators round parameters that are
  // fp32 where they use them.
  at::Tensor Embed(const at::Tensor& token_ids_T) const {
    const at::Tensor rows_TD = at::embedding(embedding_VD_, token_ids_T);
    return options_.precision == Precision::kBf16 ? rows_TD.to(at::kBFloat16) : rows_TD;
  }

  // The one forward pass; the training and the cached pass differ in `attend` alone.
  at::Tensor Forward(const DecoderRows& rows, const Attend& attend, bool recompute_activations = false) const {
    at::Tensor hidden_TD = Embed(rows.token_ids_T);
    for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
      hidden_TD = recompute_activations || options_.layers != nullptr
                      ? ForwardRecomputedLayer(layer, hidden_TD, rows, attend)
                      : ForwardLayer(layer, layers_[layer], hidden_TD, rows, attend);
    }
    return RmsNorm(hidden_TD, norm_D_, config_.rms_norm_eps).narrow(0, 0, rows.num_rows);
  }

  // The last layer too, though its turn comes first: kept, its activations would lie beside the head's logits.
  at::Tensor ForwardRecomputedLayer(int64_t layer, const at::Tensor& hidden_TD, const DecoderRows& rows,
                                    const Attend& attend) const {
    const auto run = [this, layer, rows, attend](const at::Tensor& input_TD, at::TensorList tensors) {
      Layer aliases;
      size_t next = 0;
      for (at::Tensor* tensor : aliases.Tensors(config_)) *tensor = tensors[next++];
      return ForwardLayer(layer, aliases, input_TD, rows, attend);
    };
    return options_.layers != nullptr ? SourcedLayer(run, options_.layers, layer, hidden_TD)
                                      : RecomputedLayer(run, hidden_TD, layer_tensors_[layer]);
  }

  at::Tensor ForwardLayer(int64_t layer, const Layer& w, const at::Tensor& hidden_TD, const DecoderRows& rows,
                          const Attend& attend) const {
    const int64_t num_rows = hidden_TD.size(0);
    const at::Tensor x_TD = RmsNorm(hidden_TD, w.input_norm, config_.rms_norm_eps);
    const at::Tensor q_TNH = RotatedHeads(w.q(x_TD), w.q_norm, rows);
    const at::Tensor k_TKH = RotatedHeads(w.k(x_TD), w.k_norm, rows);
    const at::Tensor v_TKH = w.v(x_TD).view({num_rows, config_.num_kv_heads, config_.head_dim});
    const at::Tensor attended_TM =
        attend(layer, q_TNH, k_TKH, v_TKH).view({num_rows, config_.num_heads * config_.head_dim});
    const at::Tensor middle_TD = MatrixProduct(attended_TM, w.o).add_(hidden_TD);
    const at::Tensor y_TD = RmsNorm(middle_TD, w.post_attention_norm, config_.rms_norm_eps);
    return MatrixProduct(Swiglu(MatrixProduct(y_TD, w.gate), MatrixProduct(y_TD, w.up)), w.down).add_(middle_TD);
  }

  at::Tensor RotatedHeads(const at::Tensor& x_TM, const at::Tensor& norm_H, const DecoderRows& rows) const {
    if (!norm_H.defined()) return Rope(x_TM, config_.head_dim, rows.cos_TA, rows.sin_TA);
    return NormRope(x_TM, norm_H, rows.cos_TA, rows.sin_TA, config_.rms_norm_eps);
  }

  const ModelConfig config_;
  const DecoderOptions options_;
  const ParameterMap parameters_;
  const RotaryTable rotary_;
  const double scale_;
  at::Tensor embedding_VD_, norm_D_, output_VD_;
  std::vector<Layer> layers_;
  std::vector<std::vector<at::Tensor>> layer_tensors_;  // of each layer in the order of Layer::Tensors
};

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> CreateTransformerDecoder(const ModelConfig& config, ParameterMap parameters,
                                                                  const DecoderOptions& options) {
  std::vector<ParameterSpec> specs = TransformerParameters(config);
  if (options.layers != nullptr) std::erase_if(specs, [](const ParameterSpec& spec) { return spec.layer >= 0; });
  COHORT_ASSIGN_OR_RETURN(ParameterMap arranged, ArrangeParameters(specs, parameters, options.precision));
  std::unique_ptr<Decoder> decoder;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("decoder", [&] {
    decoder = std::make_unique<TransformerDecoder>(config, std::move(arranged), options);
    return absl::OkStatus();
  }));
  return decoder;
}

}  // namespace cohort::model
