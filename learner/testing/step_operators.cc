// SPDX-License-Identifier: Apache-2.0
// Shapes: P packed tokens of the microbatch, T trained ones, D hidden size, N query heads, K key/value heads, H head
// dim, A = H/2 angles, I intermediate size.
#include "learner/testing/step_operators.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "absl/strings/str_cat.h"
#include "kernels/side_by_side.h"
#include "kernels/torch/attention_op.h"
#include "kernels/torch/device_contest.h"
#include "kernels/torch/square_sum_op.h"
#include "learner/batch/microbatch.h"
#include "model/layers/layer_ops.h"
#include "model/layers/matrix_product.h"
#include "model/logprob.h"

namespace cohort::learner {
namespace {

constexpr int kNumCalls = 3;

using Forward = std::function<at::Tensor()>;

// Of one microbatch, all layers of which are alike.
class MicrobatchOperators final {
 public:
  MicrobatchOperators(const Microbatch& microbatch, bool recompute, LearnerSide* side)
      : microbatch_(microbatch),
        recompute_(recompute),
        side_(side),
        config_(side->config()),
        device_(side->state().decoder->OutputWeight().device()) {}

  double Products() const {
    double seconds = 0;
    for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                             "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
      const at::Tensor weight = Parameter(name), x = Rows({num_rows(), weight.size(1)});
      seconds += OfLayers({x, weight}, [&] { return model::MatrixProduct(x, weight); });
    }
    return seconds;
  }

  double Attention() const {
    const at::Tensor q_PNH = Rows({num_rows(), config_.num_heads, config_.head_dim});
    const at::Tensor k_PKH = Rows({num_rows(), config_.num_kv_heads, config_.head_dim}), v_PKH = Rows(k_PKH.sizes());
    const kernels::AttentionOptions options{.scale = 1 / std::sqrt(static_cast<double>(config_.head_dim))};
    return OfLayers({q_PNH, k_PKH, v_PKH}, [&] {
      return kernels::PackedCausalAttention(q_PNH, k_PKH, v_PKH, microbatch_.cu_seqlens, options, microbatch_.prefixes);
    });
  }

  double ElementByElement() const {
    const at::Tensor x_PD = Rows({num_rows(), config_.hidden_size}), norm_D = Parameter("input_layernorm");
    const at::Tensor gate_PI = Rows({num_rows(), config_.intermediate_size}), up_PI = Rows(gate_PI.sizes());
    const at::Tensor angles_PA =
        at::randn({num_rows(), config_.head_dim / 2}, x_PD.options().dtype(at::kFloat).requires_grad(false));
    double seconds = 2 * OfLayers({x_PD, norm_D}, [&] { return model::RmsNorm(x_PD, norm_D, config_.rms_norm_eps); });
    for (const char* kind : {"q", "k"}) {
      const at::Tensor norm_H = Parameter(absl::StrCat("self_attn.", kind, "_norm"));
      const int64_t num_heads = kind[0] == 'q' ? config_.num_heads : config_.num_kv_heads;
      const at::Tensor heads_PM = Rows({num_rows(), num_heads * config_.head_dim});
      seconds += OfLayers({heads_PM, norm_H}, [&] {
        return model::NormRope(heads_PM, norm_H, angles_PA, angles_PA, config_.rms_norm_eps);
      });
    }
    seconds += OfLayers({gate_PI, up_PI}, [&] { return model::Swiglu(gate_PI, up_PI); });
    // Of residuals, two forward and two backward.
    return seconds + 4 * Layers() * Seconds([&] { x_PD.detach().add(x_PD.detach()); });
  }

  double Head() const {
    const at::Tensor hidden_TD = Rows({static_cast<int64_t>(microbatch_.targets.size()), config_.hidden_size});
    const at::Tensor weight_VD = side_->state().decoder->OutputWeight();
    return ForwardAndBackward({hidden_TD, weight_VD}, [&] {
      return model::ComputeTokenLogprobs(hidden_TD, weight_VD, microbatch_.targets, /*temperature=*/1.0)
          .value()
          .logprobs_T;
    });
  }

  // What is done for every number of the parameters, however few tokens a microbatch has: the embedding's gradient and
  // the addition of all gradients to those of the microbatches before, measured on the largest.
  double ForEveryParameter() const {
    const at::Tensor weight_VD = Embedding();
    const at::Tensor ids_P =
        at::randint(0, config_.vocab_size, {num_rows()}, at::TensorOptions().dtype(at::kLong).device(device_));
    const double embedding = ForwardAndBackward({weight_VD}, [&] { return at::embedding(weight_VD, ids_P); });
    const at::Tensor sum_VD = at::zeros_like(weight_VD.detach()), gradient_VD = at::zeros_like(sum_VD);
    return embedding + AllParameters(sum_VD) * Seconds([&] { sum_VD.add_(gradient_VD); });
  }

  double Optimizer() const {
    const at::Tensor gradient_VD = Embedding().grad();
    const double norm = AllParameters(gradient_VD) * Seconds([&] { kernels::SquareSum(gradient_VD); });
    return norm + Seconds([&] {
             side_->state()
                 .optimizer->Update(/*learning_rate=*/1e-5, /*gradient_scale=*/1, side_->state().num_updates + 1)
                 .value();
           });
  }

 private:
  int64_t num_rows() const { return static_cast<int64_t>(microbatch_.token_ids.size()); }
  double Layers() const { return static_cast<double>(config_.num_layers); }

  at::Tensor Embedding() const { return side_->state().parameters->parameters().Find("model.embed_tokens.weight"); }

  // How many of `one` all parameters are.
  double AllParameters(const at::Tensor& one) const {
    int64_t count = 0;
    for (const auto& [name, parameter] : side_->state().parameters->parameters().entries) count += parameter.numel();
    return static_cast<double>(count) / static_cast<double>(one.numel());
  }

  at::Tensor Parameter(const std::string& name) const {
    return side_->state().parameters->parameters().Find(absl::StrCat("model.layers.0.", name, ".weight"));
  }

  at::Tensor Rows(at::IntArrayRef shape) const {
    return at::randn(shape, at::TensorOptions().dtype(at::kBFloat16).device(device_)).requires_grad_(true);
  }

  double Seconds(const std::function<void()>& call) const {
    call();
    std::vector<double> seconds;
    for (int i = 0; i < kNumCalls; ++i) seconds.push_back(kernels::SecondsOn(device_, call));
    return kernels::Median(seconds);
  }

  double ForwardAndBackward(const std::vector<at::Tensor>& inputs, const Forward& forward) const {
    const at::Tensor gradient = at::ones_like(forward().detach());
    return Seconds([&] { torch::autograd::grad({forward()}, inputs, {gradient}); });
  }

  // In all layers, forward twice where the backward pass computes it again.
  double OfLayers(const std::vector<at::Tensor>& inputs, const Forward& forward) const {
    double seconds = ForwardAndBackward(inputs, forward);
    if (recompute_) {
      const at::NoGradGuard no_grad;
      seconds += Seconds([&] { forward(); });
    }
    return Layers() * seconds;
  }

  const Microbatch& microbatch_;
  const bool recompute_;
  LearnerSide* const side_;
  const model::ModelConfig& config_;
  const c10::Device device_;
};

// Multiplications and additions of one pass over the products of all layers.
double ProductFlops(const model::ModelConfig& config, double num_tokens) {
  const int64_t heads = 2 * config.num_heads + 2 * config.num_kv_heads;
  const int64_t per_layer = config.hidden_size * (heads * config.head_dim + 3 * config.intermediate_size);
  return 2 * num_tokens * static_cast<double>(config.num_layers * per_layer);
}

}  // namespace

std::vector<OperatorTime> TimeOperators(const StepData& data, const GradientOptions& gradient, LearnerSide* side) {
  const std::vector<Microbatch> microbatches = BuildMicrobatches(data.updates[0].sequences, PackingOf(gradient));
  const Microbatch& largest = *std::max_element(
      microbatches.begin(), microbatches.end(),
      [](const Microbatch& a, const Microbatch& b) { return a.token_ids.size() < b.token_ids.size(); });
  double num_rows = 0, num_trained = 0;
  for (const Microbatch& microbatch : microbatches) {
    num_rows += static_cast<double>(microbatch.token_ids.size());
    num_trained += static_cast<double>(microbatch.targets.size());
  }
  const double rows = num_rows / static_cast<double>(largest.token_ids.size());
  const double trained = num_trained / static_cast<double>(largest.targets.size());
  const auto num_microbatches = static_cast<double>(microbatches.size());
  const double passes = gradient.recompute_activations ? 4 : 3;
  const model::ModelConfig& config = side->config();
  const double head_product =
      2 * num_trained * static_cast<double>(config.hidden_size) * static_cast<double>(config.vocab_size);
  const MicrobatchOperators operators(largest, gradient.recompute_activations, side);
  return {{"products of the layers", rows * operators.Products(), passes * ProductFlops(config, num_rows)},
          {"attention", rows * operators.Attention()},
          {"norms, rotation, SwiGLU, residuals", rows * operators.ElementByElement()},
          // Logits twice.
          {"log-prob head", trained * operators.Head(), 4 * head_product},
          {"embedding, adding gradients", num_microbatches * operators.ForEveryParameter()},
          {"optimizer", operators.Optimizer()}};
}

}  // namespace cohort::learner
