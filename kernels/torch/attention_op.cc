// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/attention_op.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "kernels/attention.h"
#include "kernels/torch/at_parallel_for.h"

namespace cohort::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

AttentionShape ShapeOf(const at::Tensor& q_TNH, const at::Tensor& keys, const AttentionOptions& options) {
  TORCH_CHECK(q_TNH.dim() == 3, "attention: q must be [T, N, H] (", q_TNH.sizes(), ")");
  const AttentionShape shape{q_TNH.size(1), keys.size(-2), q_TNH.size(2), static_cast<float>(options.scale),
                             options.window};
  TORCH_CHECK(keys.size(-1) == shape.head_dim && shape.num_kv_heads > 0 && shape.num_heads % shape.num_kv_heads == 0,
              "attention: keys do not fit q (", keys.sizes(), " for ", q_TNH.sizes(), ")");
  TORCH_CHECK(options.window >= 0, "attention: window must be 0 or more (", options.window, ")");
  return shape;
}

// Where the packed sequences lie: the arguments of PackedCausalAttention.
struct PackedLayout {
  const std::vector<int32_t>& cu_seqlens;
  const std::vector<int32_t>& prefixes;

  int64_t num_sequences() const { return static_cast<int64_t>(cu_seqlens.size()) - 1; }
  int64_t num_rows(int64_t s) const { return cu_seqlens[s + 1] - cu_seqlens[s]; }
};

void CheckPrefixes(const PackedLayout& layout) {
  if (layout.prefixes.empty()) return;
  TORCH_CHECK(static_cast<int64_t>(layout.prefixes.size()) == layout.num_sequences(), "attention: prefixes of ",
              layout.prefixes.size(), " sequences, there are ", layout.num_sequences());
  for (int64_t s = 0; s < layout.num_sequences(); ++s) {
    const int32_t prefix = layout.prefixes[s];
    if (prefix == -1) continue;
    TORCH_CHECK(prefix >= 0 && prefix < s && layout.prefixes[prefix] == -1, "attention: prefixes: sequence ", s,
                " continues ", prefix, ", which must be an earlier one without prefix");
    TORCH_CHECK(layout.num_rows(prefix) % kAttentionBlockTokens == 0, "attention: prefixes: sequence ", s,
                " continues one of ", layout.num_rows(prefix), " rows, no multiple of ", kAttentionBlockTokens);
  }
}

void CheckPacked(const at::Tensor& q_TNH, const at::Tensor& k_TKH, const at::Tensor& v_TKH,
                 const PackedLayout& layout) {
  const std::vector<int32_t>& cu_seqlens = layout.cu_seqlens;
  TORCH_CHECK(k_TKH.dim() == 3 && k_TKH.sizes() == v_TKH.sizes() && k_TKH.size(0) == q_TNH.size(0),
              "attention: k and v must be [T, K, H] (", k_TKH.sizes(), ", ", v_TKH.sizes(), " for q ", q_TNH.sizes(),
              ")");
  TORCH_CHECK(!cu_seqlens.empty() && cu_seqlens.front() == 0 && std::is_sorted(cu_seqlens.begin(), cu_seqlens.end()) &&
                  cu_seqlens.back() <= q_TNH.size(0),
              "attention: cu_seqlens must ascend from 0 to at most ", q_TNH.size(0), " rows");
  CheckPrefixes(layout);
}

// True where the own operator applies; else ATen's.
bool UsesOwnKernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto fits = [](const at::Tensor& t) { return t.is_cpu() && t.scalar_type() == at::kFloat; };
  return fits(q) && fits(k) && fits(v);
}

void ZeroRowsFrom(at::Tensor& rows, int64_t first) {
  const int64_t row = rows.size(0) == 0 ? 0 : rows.numel() / rows.size(0);
  std::fill(rows.mutable_data_ptr<float>() + first * row, rows.mutable_data_ptr<float>() + rows.numel(), 0.0f);
}

PackedSequences Sequences(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const PackedLayout& layout) {
  return {q.const_data_ptr<float>(), k.const_data_ptr<float>(),
          v.const_data_ptr<float>(), layout.cu_seqlens.data(),
          layout.num_sequences(),    layout.prefixes.empty() ? nullptr : layout.prefixes.data()};
}

struct ForwardTensors {
  at::Tensor out_TNH;
  at::Tensor row_max_TN;
  at::Tensor row_sum_TN;
};

// q, k, v contiguous.
ForwardTensors RunForward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const PackedLayout& layout,
                          const AttentionOptions& options) {
  ForwardTensors f{at::empty_like(q), at::empty({q.size(0), q.size(1)}, q.options()),
                   at::empty({q.size(0), q.size(1)}, q.options())};
  PackedAttentionForward(ShapeOf(q, k, options), Sequences(q, k, v, layout), f.out_TNH.mutable_data_ptr<float>(),
                         f.row_max_TN.mutable_data_ptr<float>(), f.row_sum_TN.mutable_data_ptr<float>(), AtExecution());
  ZeroRowsFrom(f.out_TNH, layout.cu_seqlens.back());
  return f;
}

class PackedAttentionFunction : public torch::autograd::Function<PackedAttentionFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& q_TNH, const Variable& k_TKH, const Variable& v_TKH,
                          const PackedLayout& layout, const AttentionOptions& options) {
    const at::Tensor q = q_TNH.contiguous(), k = k_TKH.contiguous(), v = v_TKH.contiguous();
    const ForwardTensors f = RunForward(q, k, v, layout, options);
    ctx->save_for_backward({q, k, v, f.out_TNH, f.row_max_TN, f.row_sum_TN});
    ctx->saved_data["cu_seqlens"] = std::vector<int64_t>(layout.cu_seqlens.begin(), layout.cu_seqlens.end());
    ctx->saved_data["prefixes"] = std::vector<int64_t>(layout.prefixes.begin(), layout.prefixes.end());
    ctx->saved_data["scale"] = options.scale;
    ctx->saved_data["window"] = options.window;
    return f.out_TNH;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const auto saved_list = [ctx](const char* name) {
      const std::vector<int64_t> values = ctx->saved_data[name].toIntVector();
      return std::vector<int32_t>(values.begin(), values.end());
    };
    const std::vector<int32_t> cu_seqlens = saved_list("cu_seqlens"), prefixes = saved_list("prefixes");
    const AttentionOptions options{ctx->saved_data["scale"].toDouble(), ctx->saved_data["window"].toInt()};
    const at::Tensor grad_out = grads[0].contiguous();
    at::Tensor grad_q = at::empty_like(q), grad_k = at::empty_like(k), grad_v = at::empty_like(v);
    PackedAttentionBackward(
        ShapeOf(q, k, options), Sequences(q, k, v, {cu_seqlens, prefixes}),
        {saved[3].const_data_ptr<float>(), saved[4].const_data_ptr<float>(), saved[5].const_data_ptr<float>(),
         grad_out.const_data_ptr<float>()},
        {grad_q.mutable_data_ptr<float>(), grad_k.mutable_data_ptr<float>(), grad_v.mutable_data_ptr<float>()},
        AtExecution());
    for (at::Tensor* grad : {&grad_q, &grad_k, &grad_v}) ZeroRowsFrom(*grad, cu_seqlens.back());
    return {grad_q, grad_k, grad_v, Variable(), Variable()};
  }
};

// [L, heads, H] as SDPA's [1, heads, L, H].
at::Tensor HeadsFirst(const at::Tensor& rows) { return rows.transpose(0, 1).unsqueeze(0); }

// Which of the keys 0..num_keys-1 the rows at `positions_R1` see, [R, keys].
at::Tensor VisibleKeys(const at::Tensor& positions_R1, int64_t num_keys, int64_t window) {
  const at::Tensor keys = at::arange(num_keys, positions_R1.options()).unsqueeze(0);
  const at::Tensor visible = keys.le(positions_R1);
  return window == 0 ? visible : visible.logical_and(keys.gt(positions_R1.sub(window)));
}

at::Tensor PackedWithAten(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const PackedLayout& layout,
                          const AttentionOptions& options) {
  std::vector<at::Tensor> parts;
  for (int64_t s = 0; s < layout.num_sequences(); ++s) {
    const int64_t start = layout.cu_seqlens[s], length = layout.num_rows(s);
    if (length == 0) continue;
    const int32_t prefix = layout.prefixes.empty() ? -1 : layout.prefixes[s];
    const int64_t prefix_rows = prefix < 0 ? 0 : layout.num_rows(prefix), num_keys = prefix_rows + length;
    const auto keys = [&](const at::Tensor& t) {
      const at::Tensor own = t.narrow(0, start, length);
      if (prefix_rows == 0) return HeadsFirst(own);
      return HeadsFirst(at::cat({t.narrow(0, layout.cu_seqlens[prefix], prefix_rows), own}, 0));
    };
    // A window that holds the whole sequence needs no mask, which ATen's fast paths refuse. Their causal mask would
    // begin at a prefix's first key.
    const bool is_masked = prefix_rows > 0 || (options.window > 0 && options.window < length);
    std::optional<at::Tensor> visible;
    if (is_masked) {
      const at::Tensor positions = at::arange(prefix_rows, num_keys, q.options().dtype(at::kLong)).unsqueeze(1);
      visible = VisibleKeys(positions, num_keys, options.window);
    }
    parts.push_back(at::scaled_dot_product_attention(HeadsFirst(q.narrow(0, start, length)), keys(k), keys(v), visible,
                                                     /*dropout_p=*/0.0, /*is_causal=*/!is_masked, options.scale,
                                                     /*enable_gqa=*/q.size(1) != k.size(1))
                        .squeeze(0)
                        .transpose(0, 1));
  }
  parts.push_back(at::zeros({q.size(0) - layout.cu_seqlens.back(), q.size(1), q.size(2)}, q.options()));
  return at::cat(parts, 0);
}

void CheckPaged(const at::Tensor& q_TNH, const at::Tensor& keys_BSKH, const at::Tensor& values_BSKH,
                const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                const std::vector<std::vector<int32_t>>& block_tables) {
  TORCH_CHECK(
      keys_BSKH.dim() == 4 && keys_BSKH.sizes() == values_BSKH.sizes() && keys_BSKH.size(1) == kAttentionBlockTokens,
      "paged attention: cache must be [B, 16, K, H] (", keys_BSKH.sizes(), ", ", values_BSKH.sizes(), ")");
  TORCH_CHECK(positions.size() == sequences.size() && static_cast<int64_t>(positions.size()) <= q_TNH.size(0),
              "paged attention: ", positions.size(), " positions, ", sequences.size(), " sequences, ", q_TNH.size(0),
              " rows");
  for (size_t t = 0; t < positions.size(); ++t) {
    TORCH_CHECK(sequences[t] >= 0 && sequences[t] < static_cast<int64_t>(block_tables.size()) && positions[t] >= 0,
                "paged attention: row ", t, " names sequence ", sequences[t], " position ", positions[t]);
    const std::vector<int32_t>& table = block_tables[sequences[t]];
    const int64_t num_blocks = positions[t] / kAttentionBlockTokens + 1;
    TORCH_CHECK(num_blocks <= static_cast<int64_t>(table.size()), "paged attention: row ", t, " at position ",
                positions[t], " needs ", num_blocks, " blocks, its table has ", table.size());
  }
  for (const std::vector<int32_t>& table : block_tables) {
    for (const int32_t block : table) {
      TORCH_CHECK(block >= 0 && block < keys_BSKH.size(0), "paged attention: block ", block, " of ", keys_BSKH.size(0));
    }
  }
}

at::Tensor PagedWithAten(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                         const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                         const std::vector<std::vector<int32_t>>& block_tables, const AttentionOptions& options) {
  std::vector<at::Tensor> parts;
  const int64_t num_rows = static_cast<int64_t>(positions.size());
  for (int64_t first = 0, end = 0; first < num_rows; first = end) {
    for (end = first + 1; end < num_rows && sequences[end] == sequences[first]; ++end) {
    }
    const int64_t num_keys = *std::max_element(positions.begin() + first, positions.begin() + end) + 1;
    const std::vector<int64_t> table(block_tables[sequences[first]].begin(), block_tables[sequences[first]].end());
    const at::Tensor blocks =
        at::from_blob(const_cast<int64_t*>(table.data()), {static_cast<int64_t>(table.size())}, at::kLong)
            .to(q.device());
    const auto rows = [&](const at::Tensor& cache) {
      return HeadsFirst(cache.index_select(0, blocks).flatten(0, 1).narrow(0, 0, num_keys));
    };
    const std::vector<int64_t> places(positions.begin() + first, positions.begin() + end);
    const at::Tensor position =
        at::from_blob(const_cast<int64_t*>(places.data()), {end - first, 1}, at::kLong).to(q.device());
    const at::Tensor visible = VisibleKeys(position, num_keys, options.window);
    parts.push_back(at::scaled_dot_product_attention(HeadsFirst(q.narrow(0, first, end - first)), rows(keys),
                                                     rows(values), visible, /*dropout_p=*/0.0, /*is_causal=*/false,
                                                     options.scale, /*enable_gqa=*/q.size(1) != keys.size(2))
                        .squeeze(0)
                        .transpose(0, 1));
  }
  parts.push_back(at::zeros({q.size(0) - num_rows, q.size(1), q.size(2)}, q.options()));
  return at::cat(parts, 0);
}

}  // namespace

at::Tensor PackedCausalAttention(const at::Tensor& q_TNH, const at::Tensor& k_TKH, const at::Tensor& v_TKH,
                                 const std::vector<int32_t>& cu_seqlens, const AttentionOptions& options,
                                 const std::vector<int32_t>& prefixes) {
  const PackedLayout layout{cu_seqlens, prefixes};
  ShapeOf(q_TNH, k_TKH, options);
  CheckPacked(q_TNH, k_TKH, v_TKH, layout);
  if (!UsesOwnKernel(q_TNH, k_TKH, v_TKH)) return PackedWithAten(q_TNH, k_TKH, v_TKH, layout, options);
  const bool needs_grad =
      c10::GradMode::is_enabled() && (q_TNH.requires_grad() || k_TKH.requires_grad() || v_TKH.requires_grad());
  if (needs_grad) return PackedAttentionFunction::apply(q_TNH, k_TKH, v_TKH, layout, options);
  return RunForward(q_TNH.contiguous(), k_TKH.contiguous(), v_TKH.contiguous(), layout, options).out_TNH;
}

at::Tensor PagedAttention(const at::Tensor& q_TNH, const at::Tensor& keys_BSKH, const at::Tensor& values_BSKH,
                          const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                          const std::vector<std::vector<int32_t>>& block_tables, const AttentionOptions& options) {
  const AttentionShape shape = ShapeOf(q_TNH, keys_BSKH, options);
  CheckPaged(q_TNH, keys_BSKH, values_BSKH, positions, sequences, block_tables);
  if (!UsesOwnKernel(q_TNH, keys_BSKH, values_BSKH)) {
    return PagedWithAten(q_TNH, keys_BSKH, values_BSKH, positions, sequences, block_tables, options);
  }
  // A copy of the cache would cost more than the attention.
  TORCH_CHECK(keys_BSKH.is_contiguous() && values_BSKH.is_contiguous(), "paged attention: cache must be contiguous");
  const at::Tensor q = q_TNH.contiguous();
  at::Tensor out = at::empty(q.sizes(), q.options());
  std::vector<const int32_t*> tables;
  for (const std::vector<int32_t>& table : block_tables) tables.push_back(table.data());
  const int64_t num_rows = static_cast<int64_t>(positions.size());
  PagedAttentionForward(
      shape,
      {q.const_data_ptr<float>(), keys_BSKH.const_data_ptr<float>(), values_BSKH.const_data_ptr<float>(),
       positions.data(), sequences.data(), num_rows, tables.data()},
      out.mutable_data_ptr<float>(), AtExecution());
  ZeroRowsFrom(out, num_rows);
  return out;
}

}  // namespace cohort::kernels
