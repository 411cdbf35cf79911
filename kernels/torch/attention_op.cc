// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/attention_op.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <unordered_map>

#include "kernels/attention.h"
#include "kernels/torch/at_parallel_for.h"
#include "kernels/torch/attention_aten.h"

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

// True where the own operator applies, to fp32 or to bf16 that is widened; else ATen's.
bool UsesOwnKernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const at::ScalarType type = q.scalar_type();
  const auto fits = [type](const at::Tensor& t) { return t.is_cpu() && t.scalar_type() == type; };
  return (type == at::kFloat || type == at::kBFloat16) && fits(q) && fits(k) && fits(v);
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

// q, k, v contiguous. What comes out has their type, the numbers of each row are fp32.
ForwardTensors RunForward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const PackedLayout& layout,
                          const AttentionOptions& options) {
  if (q.scalar_type() == at::kBFloat16) {
    ForwardTensors f = RunForward(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), layout, options);
    f.out_TNH = f.out_TNH.to(at::kBFloat16);
    return f;
  }
  ForwardTensors f{at::empty_like(q), at::empty({q.size(0), q.size(1)}, q.options()),
                   at::empty({q.size(0), q.size(1)}, q.options())};
  PackedAttentionForward(ShapeOf(q, k, options), Sequences(q, k, v, layout), f.out_TNH.mutable_data_ptr<float>(),
                         f.row_max_TN.mutable_data_ptr<float>(), f.row_sum_TN.mutable_data_ptr<float>(), AtExecution());
  ZeroRowsFrom(f.out_TNH, layout.cu_seqlens.back());
  return f;
}

struct BackwardTensors {
  at::Tensor q_TNH, k_TKH, v_TKH;
};

// In fp32. `saved`: q, k, v and what RunForward made of them.
BackwardTensors RunBackward(const variable_list& saved, const at::Tensor& grad_out_TNH, const PackedLayout& layout,
                            const AttentionOptions& options) {
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kFloat); };
  const at::Tensor q = wide(saved[0]), k = wide(saved[1]), v = wide(saved[2]), out = wide(saved[3]);
  const at::Tensor grad_out = wide(grad_out_TNH);
  BackwardTensors grads{at::empty_like(q), at::empty_like(k), at::empty_like(v)};
  PackedAttentionBackward(ShapeOf(q, k, options), Sequences(q, k, v, layout),
                          {out.const_data_ptr<float>(), saved[4].const_data_ptr<float>(),
                           saved[5].const_data_ptr<float>(), grad_out.const_data_ptr<float>()},
                          {grads.q_TNH.mutable_data_ptr<float>(), grads.k_TKH.mutable_data_ptr<float>(),
                           grads.v_TKH.mutable_data_ptr<float>()},
                          AtExecution());
  for (at::Tensor* grad : {&grads.q_TNH, &grads.k_TKH, &grads.v_TKH}) ZeroRowsFrom(*grad, layout.cu_seqlens.back());
  return grads;
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
    const auto saved_list = [ctx](const char* name) {
      const std::vector<int64_t> values = ctx->saved_data[name].toIntVector();
      return std::vector<int32_t>(values.begin(), values.end());
    };
    const std::vector<int32_t> cu_seqlens = saved_list("cu_seqlens"), prefixes = saved_list("prefixes");
    const AttentionOptions options{ctx->saved_data["scale"].toDouble(), ctx->saved_data["window"].toInt()};
    const variable_list saved = ctx->get_saved_variables();
    const BackwardTensors found = RunBackward(saved, grads[0].contiguous(), {cu_seqlens, prefixes}, options);
    const at::ScalarType type = saved[0].scalar_type();
    return {found.q_TNH.to(type), found.k_TKH.to(type), found.v_TKH.to(type), Variable(), Variable()};
  }
};

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

// The blocks of a bf16 cache that rows see, widened, one behind the other, and the tables that name them there.
struct WideCache {
  at::Tensor keys_BSKH, values_BSKH;
  std::vector<std::vector<int32_t>> block_tables;
};

WideCache WidenBlocks(const at::Tensor& keys, const at::Tensor& values, const std::vector<int32_t>& positions,
                      const std::vector<int32_t>& sequences, const std::vector<std::vector<int32_t>>& block_tables) {
  std::vector<int64_t> num_blocks(block_tables.size(), 0);
  for (size_t t = 0; t < positions.size(); ++t) {
    num_blocks[sequences[t]] = std::max<int64_t>(num_blocks[sequences[t]], positions[t] / kAttentionBlockTokens + 1);
  }
  WideCache cache;
  cache.block_tables.resize(block_tables.size());
  std::vector<int64_t> blocks;
  std::unordered_map<int32_t, int32_t> places;
  for (size_t s = 0; s < block_tables.size(); ++s) {
    for (int64_t i = 0; i < num_blocks[s]; ++i) {
      const auto [place, is_first] = places.emplace(block_tables[s][i], static_cast<int32_t>(blocks.size()));
      if (is_first) blocks.push_back(block_tables[s][i]);
      cache.block_tables[s].push_back(place->second);
    }
  }
  const at::Tensor index = at::from_blob(blocks.data(), {static_cast<int64_t>(blocks.size())}, at::kLong);
  cache.keys_BSKH = keys.index_select(0, index).to(at::kFloat);
  cache.values_BSKH = values.index_select(0, index).to(at::kFloat);
  return cache;
}

}  // namespace

at::Tensor PackedCausalAttention(const at::Tensor& q_TNH, const at::Tensor& k_TKH, const at::Tensor& v_TKH,
                                 const std::vector<int32_t>& cu_seqlens, const AttentionOptions& options,
                                 const std::vector<int32_t>& prefixes) {
  const PackedLayout layout{cu_seqlens, prefixes};
  ShapeOf(q_TNH, k_TKH, options);
  CheckPacked(q_TNH, k_TKH, v_TKH, layout);
  if (!UsesOwnKernel(q_TNH, k_TKH, v_TKH)) return PackedWithAten(q_TNH, k_TKH, v_TKH, cu_seqlens, options, prefixes);
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
  if (q_TNH.scalar_type() == at::kBFloat16) {
    const WideCache wide = WidenBlocks(keys_BSKH, values_BSKH, positions, sequences, block_tables);
    return PagedAttention(q_TNH.to(at::kFloat), wide.keys_BSKH, wide.values_BSKH, positions, sequences,
                          wide.block_tables, options)
        .to(at::kBFloat16);
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
