// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/attention_aten.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>

namespace cohort::kernels {
namespace {

// [L, heads, H] as SDPA's [1, heads, L, H].
at::Tensor HeadsFirst(const at::Tensor& rows) { return rows.transpose(0, 1).unsqueeze(0); }

// Which of the keys 0..num_keys-1 the rows at `positions_R1` see, [R, keys].
at::Tensor VisibleKeys(const at::Tensor& positions_R1, int64_t num_keys, int64_t window) {
  const at::Tensor keys = at::arange(num_keys, positions_R1.options()).unsqueeze(0);
  const at::Tensor visible = keys.le(positions_R1);
  return window == 0 ? visible : visible.logical_and(keys.gt(positions_R1.sub(window)));
}

}  // namespace

at::Tensor PackedWithAten(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<int32_t>& cu_seqlens, const AttentionOptions& options,
                          const std::vector<int32_t>& prefixes) {
  std::vector<at::Tensor> parts;
  for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
    const int64_t start = cu_seqlens[s], length = cu_seqlens[s + 1] - start;
    if (length == 0) continue;
    const int32_t prefix = prefixes.empty() ? -1 : prefixes[s];
    const int64_t prefix_rows = prefix < 0 ? 0 : cu_seqlens[prefix + 1] - cu_seqlens[prefix],
                  num_keys = prefix_rows + length;
    const auto keys = [&](const at::Tensor& t) {
      const at::Tensor own = t.narrow(0, start, length);
      if (prefix_rows == 0) return HeadsFirst(own);
      return HeadsFirst(at::cat({t.narrow(0, cu_seqlens[prefix], prefix_rows), own}, 0));
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
  parts.push_back(at::zeros({q.size(0) - cu_seqlens.back(), q.size(1), q.size(2)}, q.options()));
  return at::cat(parts, 0);
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

}  // namespace cohort::kernels
