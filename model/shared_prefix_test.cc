// SPDX-License-Identifier: Apache-2.0
// Packed sequences that share a prefix, against the same sequences with the prefix repeated in each.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "model/decoder.h"
#include "model/testing/packed_sequences.h"
#include "model/testing/tiny_model.h"

namespace cohort::model {
namespace {

// A prefix of 48 tokens, four sequences that continue it and one that does not; and the same with the prefix repeated.
struct SharedPrefix {
  static constexpr int64_t kPrefixTokens = 48;
  PackedBatch shared, repeated;
  std::vector<int64_t> shared_rows, repeated_rows;  // those behind the prefix, in both

  SharedPrefix(int64_t vocab_size, uint64_t seed) {
    const Sequences parts = RandomSequences({kPrefixTokens, 5, 1, 40, 17, 9}, vocab_size, seed);
    shared = Pack(parts);
    shared.prefixes = {-1, 0, 0, 0, 0, -1};
    Sequences whole;
    int64_t end = 0;
    for (size_t s = 1; s < parts.size(); ++s) {
      whole.push_back(shared.prefixes[s] < 0 ? std::vector<int32_t>() : parts[0]);
      whole.back().insert(whole.back().end(), parts[s].begin(), parts[s].end());
      end += static_cast<int64_t>(whole.back().size());
      const auto length = static_cast<int64_t>(parts[s].size());
      for (int64_t i = 0; i < length; ++i) {
        shared_rows.push_back(shared.cu_seqlens[s] + i);
        repeated_rows.push_back(end - length + i);
      }
    }
    repeated = Pack(whole);
  }
};

at::Tensor Rows(const at::Tensor& hidden_TD, const std::vector<int64_t>& rows) {
  return hidden_TD.index_select(0, at::tensor(rows, at::kLong));
}

class SharedPrefixBitsTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { at::set_num_threads(GetParam()); }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  const int threads_ = at::get_num_threads();
};

TEST_P(SharedPrefixBitsTest, RowsHaveTheBitsThatTheyHaveBehindARepeatedPrefix) {
  for (const auto& [name, config] : TinyVariants()) {
    const auto decoder = MakeDecoder(config, RandomParameters(config, 7));
    const SharedPrefix batch(config.vocab_size, 7);
    const at::Tensor shared = decoder->ForwardPacked(batch.shared).value();
    const at::Tensor repeated = decoder->ForwardPacked(batch.repeated).value();
    EXPECT_EQ(DifferentRows(Rows(shared, batch.shared_rows), Rows(repeated, batch.repeated_rows)), 0) << name;
    EXPECT_EQ(DifferentRows(shared.narrow(0, 0, SharedPrefix::kPrefixTokens),
                            repeated.narrow(0, 0, SharedPrefix::kPrefixTokens)),
              0)
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, SharedPrefixBitsTest, testing::Values(1, 2));

// Of a weighted sum of the logits at some rows, in double.
std::vector<at::Tensor> GradientsOfLogits(const ModelConfig& config, at::ScalarType dtype, const PackedBatch& batch,
                                          const std::vector<int64_t>& rows) {
  ParameterMap parameters;
  for (const auto& [name, tensor] : RandomParameters(config, 8).entries) {
    parameters.entries.emplace_back(name, tensor.to(dtype).requires_grad_(true));
  }
  const auto decoder = MakeDecoder(config, parameters);
  const at::Tensor logits = at::linear(Rows(decoder->ForwardPacked(batch).value(), rows), decoder->OutputWeight());
  (logits * at::sin(at::arange(logits.numel(), dtype)).view_as(logits)).sum().backward();
  std::vector<at::Tensor> gradients;
  for (const auto& [name, tensor] : parameters.entries) gradients.push_back(tensor.grad().to(at::kDouble));
  return gradients;
}

TEST(SharedPrefixTest, GradientsThroughASharedPrefixAreThoseThroughARepeatedOne) {
  for (const auto& [name, config] : TinyVariants()) {
    const SharedPrefix batch(config.vocab_size, 8);
    const auto truth = GradientsOfLogits(config, at::kDouble, batch.repeated, batch.repeated_rows);
    const auto doubles = GradientsOfLogits(config, at::kDouble, batch.shared, batch.shared_rows);
    const auto floats = GradientsOfLogits(config, at::kFloat, batch.shared, batch.shared_rows);
    for (size_t i = 0; i < truth.size(); ++i) {
      const double size = truth[i].norm().item<double>();
      // ATen's attention has an exponential of its own with a mask and without; they agree to single precision.
      EXPECT_LT((doubles[i] - truth[i]).norm().item<double>(), 1e-6 * size) << name << ", " << i;
      EXPECT_LT((floats[i] - truth[i]).norm().item<double>(), 2e-5 * size) << name << ", " << i;
    }
  }
}

TEST(SharedPrefixTest, PrefixesThatCannotBeAreNamed) {
  const ModelConfig config = TinyConfig();
  const auto decoder = MakeDecoder(config, RandomParameters(config, 1));
  const auto expect_invalid = [&](const PackedBatch& batch, const char* named) {
    const absl::Status status = decoder->ForwardPacked(batch).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), named)) << status;
  };
  expect_invalid({{1, 2}, {0, 1, 2}, {-1}}, "prefixes: must have one entry");
  expect_invalid({{1, 2}, {0, 1, 2}, {-1, 1}}, "prefixes: sequence 1 must continue an");
  expect_invalid({{1, 2}, {0, 1, 2}, {-1, 0}}, "multiple of 16 tokens (1)");
  expect_invalid({std::vector<int32_t>(48, 1), {0, 16, 32, 48}, {-1, 0, 1}},
                 "sequence 2 must continue an earlier one without prefix (1)");
  expect_invalid({std::vector<int32_t>(257, 1), {0, 240, 257}, {-1, 0}}, "(257)");
}

}  // namespace
}  // namespace cohort::model
