// SPDX-License-Identifier: Apache-2.0
#include "model/logprob.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/logprob_op.h"
#include "kernels/torch/torch_status.h"
#include "model/decoder_rows.h"
#include "model/layers/gradient_products.h"
#include "model/layers/matrix_product.h"

namespace cohort::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Zeros behind the rows up to PaddedRows; the tensor itself when there is nothing to add.
at::Tensor PadRows(const at::Tensor& rows) {
  const int64_t missing = PaddedRows(rows.size(0)) - rows.size(0);
  if (missing == 0) return rows;
  std::vector<int64_t> shape = rows.sizes().vec();
  shape[0] = missing;
  return at::cat({rows, at::zeros(shape, rows.options())}, 0);
}

struct Chunk {
  int64_t first, size;
};

std::vector<Chunk> Chunks(int64_t rows, int64_t max_rows) {
  // Whole multiples of 8, so that only the last chunk is padded.
  const int64_t step = std::max(kMinRows, max_rows / kRowMultiple * kRowMultiple);
  std::vector<Chunk> chunks;
  for (int64_t first = 0; first < rows; first += step) chunks.push_back({first, std::min(step, rows - first)});
  return chunks;
}

at::Tensor ChunkLogits(const at::Tensor& hidden_TD, const at::Tensor& weight_VD, const Chunk& chunk) {
  return UnroundedProduct(PadRows(hidden_TD.narrow(0, chunk.first, chunk.size)), weight_VD).narrow(0, 0, chunk.size);
}

// The weight for the products of all chunks: off the CPU, where products do not round tile by tile, rounded once.
at::Tensor ChunkWeight(const at::Tensor& hidden_TD, const at::Tensor& weight_VD) {
  return weight_VD.is_cpu() ? weight_VD : weight_VD.detach().to(hidden_TD.scalar_type());
}

struct LogprobSettings {
  double temperature;
  int64_t max_rows_per_chunk;
};

// `last_logits`, unless null, gets the logits of the last chunk.
TokenLogprobs Run(const at::Tensor& hidden_TD, const at::Tensor& weight_VD, const at::Tensor& targets_T,
                  const LogprobSettings& settings, at::Tensor* last_logits = nullptr) {
  TokenLogprobs result{at::empty({hidden_TD.size(0)}, hidden_TD.options().dtype(at::kFloat)),
                       at::empty({hidden_TD.size(0)}, hidden_TD.options().dtype(at::kFloat))};
  const at::Tensor chunk_weight_VD = ChunkWeight(hidden_TD, weight_VD);
  for (const Chunk& chunk : Chunks(hidden_TD.size(0), settings.max_rows_per_chunk)) {
    const at::Tensor logits = ChunkLogits(hidden_TD, chunk_weight_VD, chunk);
    const kernels::LogprobAndEntropy rows =
        kernels::LogprobForward(logits, targets_T.narrow(0, chunk.first, chunk.size), settings.temperature);
    result.logprobs_T.narrow(0, chunk.first, chunk.size).copy_(rows.logprobs_T);
    result.entropies_T.narrow(0, chunk.first, chunk.size).copy_(rows.entropies_T);
    if (last_logits != nullptr && chunk.first + chunk.size == hidden_TD.size(0)) *last_logits = logits;
  }
  return result;
}

// Logits are computed again in the backward pass, so that no more than a chunk of them ever exists. Those of the last
// chunk wait for it instead: the backward pass begins with them.
class LogprobFunction : public torch::autograd::Function<LogprobFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const Variable& hidden_TD, const Variable& weight_VD,
                               const Variable& targets_T, double temperature, int64_t max_rows_per_chunk,
                               bool differentiable_entropies) {
    ctx->save_for_backward({hidden_TD, weight_VD, targets_T});
    ctx->saved_data["temperature"] = temperature;
    ctx->saved_data["max_rows_per_chunk"] = max_rows_per_chunk;
    at::Tensor last_logits;
    const TokenLogprobs result = Run(hidden_TD, weight_VD, targets_T, {temperature, max_rows_per_chunk}, &last_logits);
    ctx->saved_data["last_logits"] = last_logits;
    if (!differentiable_entropies) ctx->mark_non_differentiable({result.entropies_T});
    ctx->set_materialize_grads(false);  // an output that the loss does not use costs nothing
    return {result.logprobs_T, result.entropies_T};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &hidden_TD = saved[0], &weight_VD = saved[1], &targets_T = saved[2];
    const double temperature = ctx->saved_data["temperature"].toDouble();
    const at::Tensor grad_T = grads[0].defined() ? grads[0].contiguous() : at::zeros_like(grads[1]);
    const at::Tensor entropy_grad_T = grads[1].defined() ? grads[1].contiguous() : at::Tensor();
    at::Tensor grad_hidden_TD = at::empty_like(hidden_TD);
    // The sums of a bf16 product's gradients are fp32; autograd rounds them for a weight that is not.
    const bool is_bf16 = hidden_TD.scalar_type() == at::kBFloat16;
    at::Tensor grad_weight_VD =
        at::zeros(weight_VD.sizes(), weight_VD.options().dtype(is_bf16 ? at::kFloat : weight_VD.scalar_type()));
    const at::Tensor chunk_weight_VD = ChunkWeight(hidden_TD, weight_VD);
    std::vector<Chunk> chunks = Chunks(hidden_TD.size(0), ctx->saved_data["max_rows_per_chunk"].toInt());
    std::reverse(chunks.begin(), chunks.end());
    for (const Chunk& chunk : chunks) {
      const auto rows = [&chunk](const at::Tensor& tensor) {
        return tensor.defined() ? tensor.narrow(0, chunk.first, chunk.size) : at::Tensor();
      };
      at::Tensor logits = TakeLastLogits(ctx);
      if (!logits.defined()) logits = ChunkLogits(hidden_TD, chunk_weight_VD, chunk);
      kernels::LogprobBackwardInPlace(logits, rows(targets_T), {rows(grad_T), rows(entropy_grad_T)}, temperature);
      InputGradient(logits, chunk_weight_VD, rows(grad_hidden_TD));
      AddWeightGradient(logits, rows(hidden_TD), grad_weight_VD);
    }
    return {grad_hidden_TD, grad_weight_VD, Variable(), Variable(), Variable(), Variable()};
  }

 private:
  // Undefined from the second time on: they are overwritten.
  static at::Tensor TakeLastLogits(AutogradContext* ctx) {
    c10::IValue& kept = ctx->saved_data["last_logits"];
    const at::Tensor logits = kept.toTensor();
    kept = at::Tensor();
    return logits;
  }
};

absl::Status CheckShapes(const at::Tensor& hidden_TD, const at::Tensor& weight_VD) {
  const bool is_rounded_inside = hidden_TD.scalar_type() == at::kBFloat16 && weight_VD.scalar_type() == at::kFloat;
  if (hidden_TD.dim() != 2 || weight_VD.dim() != 2 || hidden_TD.size(1) != weight_VD.size(1) ||
      (hidden_TD.scalar_type() != weight_VD.scalar_type() && !is_rounded_inside) ||
      hidden_TD.device() != weight_VD.device()) {
    return absl::InvalidArgumentError(
        "hidden, weight: must be [T, D] and [V, D] of one device and one type, or bf16 and fp32");
  }
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> TargetTensor(const std::vector<int32_t>& targets, const at::Tensor& hidden_TD,
                                        int64_t vocab_size) {
  if (static_cast<int64_t>(targets.size()) != hidden_TD.size(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("targets: must have one entry per row (", targets.size(), " for ", hidden_TD.size(0), " rows)"));
  }
  at::Tensor tensor = at::empty({hidden_TD.size(0)}, at::kLong);
  int64_t* values = tensor.mutable_data_ptr<int64_t>();
  for (size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] < 0 || targets[t] >= vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("targets: row ", t, " is outside the vocabulary of ", vocab_size, " (", targets[t], ")"));
    }
    values[t] = targets[t];
  }
  return tensor.to(hidden_TD.device());
}

}  // namespace

absl::StatusOr<TokenLogprobs> ComputeTokenLogprobs(const at::Tensor& hidden_TD, const at::Tensor& weight_VD,
                                                   const std::vector<int32_t>& targets_T, double temperature,
                                                   int64_t max_rows_per_chunk, bool differentiable_entropies) {
  COHORT_RETURN_IF_ERROR(CheckShapes(hidden_TD, weight_VD));
  if (!(temperature > 0) || !std::isfinite(temperature)) {
    return absl::InvalidArgumentError(absl::StrCat("temperature: must be greater than 0 (", temperature, ")"));
  }
  TokenLogprobs result;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("logprobs", [&]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(const at::Tensor targets, TargetTensor(targets_T, hidden_TD, weight_VD.size(0)));
    const at::Tensor hidden = hidden_TD.contiguous();
    if (c10::GradMode::is_enabled() && (hidden.requires_grad() || weight_VD.requires_grad())) {
      const variable_list outputs =
          LogprobFunction::apply(hidden, weight_VD, targets, temperature, max_rows_per_chunk, differentiable_entropies);
      result = {outputs[0], outputs[1]};
    } else {
      result = Run(hidden, weight_VD, targets, {temperature, max_rows_per_chunk});
    }
    return absl::OkStatus();
  }));
  return result;
}

absl::StatusOr<at::Tensor> ComputeLogits(const at::Tensor& hidden_TD, const at::Tensor& weight_VD) {
  COHORT_RETURN_IF_ERROR(CheckShapes(hidden_TD, weight_VD));
  at::Tensor logits_TV;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("logits", [&] {
    const at::NoGradGuard no_grad;
    logits_TV = UnroundedProduct(PadRows(hidden_TD), weight_VD).narrow(0, 0, hidden_TD.size(0));
    return absl::OkStatus();
  }));
  return logits_TV;
}

}  // namespace cohort::model
