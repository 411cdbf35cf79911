// SPDX-License-Identifier: Apache-2.0
// Shapes: T rows, N query heads, K key/value heads, H head dim, B blocks, S = 16 tokens of a block, V vocabulary.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/torch/adamw_op.h"
#include "kernels/torch/attention_op.h"
#include "kernels/torch/logprob_op.h"
#include "kernels/torch/torch_status.h"

namespace cohort::kernels {
namespace {

const std::vector<int32_t> kCuSeqlens = {0, 1, 17, 17, 50, 111, 127};
constexpr double kScale = 0.1767766952966369;  // 32^-1/2

struct Qkv {
  at::Tensor q_TNH, k_TKH, v_TKH;
};

// Rows past cu_seqlens.back() are padding.
Qkv RandomQkv(int64_t num_rows, at::ScalarType dtype = at::kFloat) {
  at::manual_seed(1);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  Qkv x{at::randn({num_rows, 4, 32}, options), at::randn({num_rows, 2, 32}, options),
        at::randn({num_rows, 2, 32}, options)};
  for (at::Tensor* t : {&x.q_TNH, &x.k_TKH, &x.v_TKH}) *t = t->to(dtype);
  return x;
}

// The definition from elementary operators.
at::Tensor NaiveAttention(const Qkv& x, const std::vector<int32_t>& cu_seqlens, int64_t window = 0) {
  std::vector<at::Tensor> parts;
  const int64_t group = x.q_TNH.size(1) / x.k_TKH.size(1);
  for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
    const int64_t start = cu_seqlens[s], length = cu_seqlens[s + 1] - start;
    const at::Tensor q = x.q_TNH.narrow(0, start, length).transpose(0, 1);
    const at::Tensor k = x.k_TKH.narrow(0, start, length).repeat_interleave(group, 1).transpose(0, 1);
    const at::Tensor v = x.v_TKH.narrow(0, start, length).repeat_interleave(group, 1).transpose(0, 1);
    at::Tensor hidden = at::ones({length, length}, at::kBool).triu(1);
    if (window > 0) hidden = hidden.logical_or(at::ones({length, length}, at::kBool).tril(-window));
    const at::Tensor scores =
        (at::matmul(q, k.transpose(1, 2)) * kScale).masked_fill(hidden, -std::numeric_limits<double>::infinity());
    parts.push_back(at::matmul(at::softmax(scores, -1), v).transpose(0, 1));
  }
  parts.push_back(
      at::zeros({x.q_TNH.size(0) - cu_seqlens.back(), x.q_TNH.size(1), x.q_TNH.size(2)}, x.q_TNH.options()));
  return at::cat(parts);
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

std::vector<at::Tensor> Gradients(const at::Tensor& out, const Qkv& x, const at::Tensor& grad_out) {
  return torch::autograd::grad({out}, {x.q_TNH, x.k_TKH, x.v_TKH}, {grad_out.to(out.scalar_type())});
}

void RequireGrad(const Qkv& x) {
  for (const at::Tensor* t : {&x.q_TNH, &x.k_TKH, &x.v_TKH}) t->set_requires_grad(true);
}

TEST(PackedCausalAttentionTest, ValueAndGradientsMatchAutogradOfTheDefinitionInDouble) {
  const Qkv x = RandomQkv(128), reference = RandomQkv(128, at::kDouble);
  RequireGrad(x);
  RequireGrad(reference);
  const at::Tensor grad_out = at::randn({128, 4, 32}, at::kDouble);
  const at::Tensor out = PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, kCuSeqlens, {kScale});
  const at::Tensor expected = NaiveAttention(reference, kCuSeqlens);
  EXPECT_LT(LargestDifference(out, expected), 3e-6);
  const auto gradients = Gradients(out, x, grad_out), expected_gradients = Gradients(expected, reference, grad_out);
  for (int i = 0; i < 3; ++i) EXPECT_LT(LargestDifference(gradients[i], expected_gradients[i]), 2e-5) << i;
}

TEST(PackedCausalAttentionTest, PaddingRowsAndTheirGradientsAreZero) {
  Qkv x = RandomQkv(136);
  RequireGrad(x);
  const at::Tensor out = PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, kCuSeqlens, {kScale});
  EXPECT_EQ(out.narrow(0, 127, 9).abs().max().item<float>(), 0.0f);
  for (const at::Tensor& gradient : Gradients(out, x, at::ones({136, 4, 32}))) {
    EXPECT_EQ(gradient.narrow(0, 127, 9).abs().max().item<float>(), 0.0f);
  }
}

TEST(PackedCausalAttentionTest, StridedInputsGiveTheSameBits) {
  const Qkv x = RandomQkv(128);
  const at::Tensor joined = at::cat({x.q_TNH, x.k_TKH, x.v_TKH}, 1);
  const at::Tensor out = PackedCausalAttention(joined.narrow(1, 0, 4), joined.narrow(1, 4, 2), joined.narrow(1, 6, 2),
                                               kCuSeqlens, {kScale});
  EXPECT_TRUE(out.equal(PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, kCuSeqlens, {kScale})));
}

TEST(PackedCausalAttentionTest, OtherDtypesRunAten) {
  const Qkv x = RandomQkv(128, at::kDouble);
  for (const int64_t window : {0, 1, 20, 1000}) {
    EXPECT_LT(LargestDifference(PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, kCuSeqlens, {kScale, window}),
                                NaiveAttention(x, kCuSeqlens, window)),
              1e-12);
  }
}

TEST(PackedCausalAttentionTest, WindowMatchesAutogradOfTheDefinitionInDouble) {
  const Qkv x = RandomQkv(128), reference = RandomQkv(128, at::kDouble);
  RequireGrad(x);
  RequireGrad(reference);
  const at::Tensor grad_out = at::randn({128, 4, 32}, at::kDouble);
  const at::Tensor out = PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, kCuSeqlens, {kScale, /*window=*/19});
  const at::Tensor expected = NaiveAttention(reference, kCuSeqlens, /*window=*/19);
  EXPECT_LT(LargestDifference(out, expected), 3e-6);
  const auto gradients = Gradients(out, x, grad_out), expected_gradients = Gradients(expected, reference, grad_out);
  for (int i = 0; i < 3; ++i) EXPECT_LT(LargestDifference(gradients[i], expected_gradients[i]), 2e-5) << i;
}

// Rows 0..31 are the prefix of the two sequences behind them; the last sequence has none.
TEST(PackedCausalAttentionTest, PrefixMatchesAutogradOfTheDefinitionWithThePrefixRepeated) {
  const std::vector<int32_t> cu_seqlens = {0, 32, 37, 57, 64}, repeated_cu_seqlens = {0, 32, 69, 121, 128};
  const auto range = [](int64_t begin, int64_t end) { return at::arange(begin, end, at::kLong); };
  const at::Tensor repeated_rows = at::cat({range(0, 32), range(0, 37), range(0, 32), range(37, 64)});
  const at::Tensor own_rows = at::cat({range(0, 32), range(64, 69), range(101, 128)});
  const at::Tensor grad_out = at::randn({64, 4, 32}, at::kDouble);
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {  // own kernel, ATen
    const bool is_own = dtype == at::kFloat;
    for (const int64_t window : {0, 19, 40}) {
      const Qkv x = RandomQkv(64, dtype), reference = RandomQkv(64, at::kDouble);
      RequireGrad(x);
      RequireGrad(reference);
      const at::Tensor out =
          PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, cu_seqlens, {kScale, window}, {-1, 0, 0, -1});
      const auto repeated = [&](const at::Tensor& rows) { return rows.index_select(0, repeated_rows); };
      const at::Tensor expected =
          NaiveAttention({repeated(reference.q_TNH), repeated(reference.k_TKH), repeated(reference.v_TKH)},
                         repeated_cu_seqlens, window)
              .index_select(0, own_rows);
      EXPECT_LT(LargestDifference(out, expected), is_own ? 3e-6 : 1e-12) << window;
      const auto gradients = Gradients(out, x, grad_out), truth = Gradients(expected, reference, grad_out);
      for (int i = 0; i < 3; ++i) EXPECT_LT(LargestDifference(gradients[i], truth[i]), is_own ? 2e-5 : 1e-12) << i;
    }
  }
}

TEST(PackedCausalAttentionTest, PrefixesThatCannotBeAreRefused) {
  const Qkv x = RandomQkv(48);
  const auto message = [&](const std::vector<int32_t>& cu_seqlens, const std::vector<int32_t>& prefixes) {
    return std::string(StatusFromTorch("x", [&] {
                         PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, cu_seqlens, {kScale}, prefixes);
                         return absl::OkStatus();
                       }).message());
  };
  EXPECT_EQ(message({0, 16, 48}, {-1, 0}), "");
  EXPECT_EQ(message({0, 16, 48}, {-1}), "x: attention: prefixes of 1 sequences, there are 2");
  EXPECT_EQ(message({0, 16, 32, 48}, {-1, 0, 1}),
            "x: attention: prefixes: sequence 2 continues 1, which must be an earlier one without prefix");
  EXPECT_EQ(message({0, 15, 48}, {-1, 0}),
            "x: attention: prefixes: sequence 1 continues one of 15 rows, no multiple of 16");
}

TEST(PackedCausalAttentionTest, BadOffsetsAreRefused) {
  const Qkv x = RandomQkv(16);
  const absl::Status status = StatusFromTorch("attention of a test", [&] {
    PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, {0, 17}, {kScale});
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find("attention of a test: attention: cu_seqlens"), absl::string_view::npos) << status;
  EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
}

// The packed sequences in a cache, the last block first; unwritten tokens are NaN.
struct PagedSequences {
  at::Tensor keys_BSKH, values_BSKH;
  std::vector<std::vector<int32_t>> tables;
  std::vector<int32_t> positions, sequences;

  explicit PagedSequences(const Qkv& x, const std::vector<int32_t>& cu_seqlens) {
    keys_BSKH = at::full({32, 16, 2, 32}, std::numeric_limits<float>::quiet_NaN()).to(x.k_TKH.scalar_type());
    values_BSKH = keys_BSKH.clone();
    int32_t next_block = 31;
    for (int32_t s = 0; s + 1 < static_cast<int32_t>(cu_seqlens.size()); ++s) {
      tables.emplace_back();
      for (int32_t t = cu_seqlens[s]; t < cu_seqlens[s + 1]; ++t) {
        const int32_t position = t - cu_seqlens[s];
        if (position % 16 == 0) tables.back().push_back(next_block--);
        keys_BSKH[tables.back().back()][position % 16].copy_(x.k_TKH[t]);
        values_BSKH[tables.back().back()][position % 16].copy_(x.v_TKH[t]);
        positions.push_back(position);
        sequences.push_back(s);
      }
    }
  }
};

TEST(PagedAttentionTest, BitEqualWithPackedOverRaggedSequences) {
  const Qkv x = RandomQkv(128);
  const PagedSequences cache(x, kCuSeqlens);
  const at::Tensor packed = PackedCausalAttention(x.q_TNH, x.k_TKH, x.v_TKH, kCuSeqlens, {kScale});
  const at::Tensor prefill = PagedAttention(x.q_TNH, cache.keys_BSKH, cache.values_BSKH, cache.positions,
                                            cache.sequences, cache.tables, {kScale});
  EXPECT_TRUE(prefill.equal(packed));
  for (int64_t t = 0; t < 127; t += 3) {  // one decode row, padded to 8
    at::Tensor q_TNH = at::randn({8, 4, 32});
    q_TNH[0].copy_(x.q_TNH[t]);
    const at::Tensor decode = PagedAttention(q_TNH, cache.keys_BSKH, cache.values_BSKH, {cache.positions[t]},
                                             {cache.sequences[t]}, cache.tables, {kScale});
    EXPECT_TRUE(decode[0].equal(packed[t])) << t;
    EXPECT_EQ(decode.narrow(0, 1, 7).abs().max().item<float>(), 0.0f);
  }
}

TEST(PagedAttentionTest, OtherDtypesRunAten) {
  const Qkv x = RandomQkv(128, at::kDouble);
  PagedSequences cache(x, kCuSeqlens);
  cache.keys_BSKH.nan_to_num_(0.0);  // ATen multiplies masked values by 0
  cache.values_BSKH.nan_to_num_(0.0);
  for (const int64_t window : {0, 20}) {
    EXPECT_LT(LargestDifference(PagedAttention(x.q_TNH, cache.keys_BSKH, cache.values_BSKH, cache.positions,
                                               cache.sequences, cache.tables, {kScale, window}),
                                NaiveAttention(x, kCuSeqlens, window)),
              1e-12);
  }
}

TEST(PagedAttentionTest, ATableTooShortIsRefused) {
  const Qkv x = RandomQkv(1);
  const at::Tensor cache = at::zeros({2, 16, 2, 32});
  const absl::Status status = StatusFromTorch("decode", [&] {
    PagedAttention(x.q_TNH, cache, cache, {16}, {0}, {{1}}, {kScale});
    return absl::OkStatus();
  });
  EXPECT_EQ(status.message(), "decode: paged attention: row 0 at position 16 needs 2 blocks, its table has 1");
}

TEST(LogprobOpTest, ValueEntropyAndGradientMatchAutogradInDouble) {
  at::manual_seed(2);
  const at::Tensor logits_TV = at::randn({13, 301}) * 3;
  const at::Tensor targets_T = at::randint(0, 301, {13}, at::kLong);
  const at::Tensor grad_T = at::randn({13});
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {  // own kernel, ATen
    const at::Tensor leaf_TV = logits_TV.to(at::kDouble).set_requires_grad(true);
    const at::Tensor all_TV = at::log_softmax(leaf_TV / 0.7, -1);
    const at::Tensor entropies_T = (all_TV.exp() * all_TV).sum(-1).neg();
    const at::Tensor expected_T = all_TV.gather(1, targets_T.unsqueeze(1)).squeeze(1);
    const LogprobAndEntropy result = LogprobForward(logits_TV.to(dtype), targets_T, 0.7);
    EXPECT_EQ(result.logprobs_T.scalar_type(), at::kFloat);
    EXPECT_LT(LargestDifference(result.logprobs_T, expected_T), 1e-5);
    EXPECT_LT(LargestDifference(result.entropies_T, entropies_T), 1e-5);
    at::Tensor gradient_TV = logits_TV.to(dtype).clone();
    LogprobBackwardInPlace(gradient_TV, targets_T, {grad_T, {}}, 0.7);
    const at::Tensor expected_TV =
        torch::autograd::grad({expected_T}, {leaf_TV}, {grad_T.to(at::kDouble)}, /*retain_graph=*/true)[0];
    EXPECT_LT(LargestDifference(gradient_TV, expected_TV), 2e-6);
    at::Tensor both_TV = logits_TV.to(dtype).clone();
    LogprobBackwardInPlace(both_TV, targets_T, {grad_T, grad_T.cos()}, 0.7);
    const at::Tensor expected_both_TV = torch::autograd::grad(
        {expected_T, entropies_T}, {leaf_TV}, {grad_T.to(at::kDouble), grad_T.cos().to(at::kDouble)})[0];
    EXPECT_LT(LargestDifference(both_TV, expected_both_TV), 3e-6);
  }
}

TEST(LogprobOpTest, ATargetOutsideTheVocabularyIsRefused) {
  const absl::Status status = StatusFromTorch("score", [&] {
    LogprobForward(at::zeros({2, 5}), at::tensor({1, 5}, at::kLong), 1.0);
    return absl::OkStatus();
  });
  EXPECT_EQ(status.message(), "score: logprob: target of row 1 is outside the vocabulary (5 of 5)");
}

TEST(AdamWOpTest, UpdatesTheTensorsInPlace) {
  at::Tensor param = at::ones({3}), exp_avg = at::zeros({3}), exp_avg_sq = at::zeros({3});
  const at::Tensor grad = at::tensor({1.0f, -1.0f, 0.0f});
  AdamWStep(param, grad, exp_avg, exp_avg_sq, {.learning_rate = 0.1});
  EXPECT_LT(LargestDifference(param, at::tensor({0.9f, 1.1f, 1.0f})), 1e-6);
  EXPECT_LT(LargestDifference(exp_avg, at::tensor({0.1f, -0.1f, 0.0f})), 1e-7);
}

TEST(StatusFromTorchTest, TurnsWhatIsThrownIntoAStatus) {
  const absl::Status mismatch = StatusFromTorch("adding", [] {
    at::ones({2}) + at::ones({3});
    return absl::OkStatus();
  });
  EXPECT_EQ(mismatch.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(std::string(mismatch.message()).starts_with("adding: ")) << mismatch;
  const absl::Status memory = StatusFromTorch("a large buffer", [] {
    at::empty({int64_t{1} << 50});
    return absl::OkStatus();
  });
  EXPECT_EQ(memory.code(), absl::StatusCode::kResourceExhausted) << memory;
  EXPECT_TRUE(StatusFromTorch("nothing", [] { return absl::OkStatus(); }).ok());
  EXPECT_EQ(StatusFromTorch("own", [] { return absl::NotFoundError("x"); }), absl::NotFoundError("x"));
}

}  // namespace
}  // namespace cohort::kernels
