// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TESTING_PACKED_SEQUENCES_H_
#define COHORT_MODEL_TESTING_PACKED_SEQUENCES_H_

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "model/decoder.h"
#include "model/model_config.h"
#include "model/parameter_map.h"
#include "model/precision.h"

namespace cohort::model {

// What decoder tests run on.
using Sequences = std::vector<std::vector<int32_t>>;

inline std::unique_ptr<Decoder> MakeDecoder(const ModelConfig& config, const ParameterMap& parameters,
                                            Precision precision = Precision::kFp32) {
  auto decoder = Decoder::Create(config, parameters, {.precision = precision});
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return *std::move(decoder);
}

inline Sequences RandomSequences(const std::vector<int>& lengths, int64_t vocab_size, uint64_t seed) {
  std::mt19937 generator(seed);
  Sequences sequences;
  for (const int length : lengths) {
    std::vector<int32_t> ids(length);
    for (int32_t& id : ids) id = static_cast<int32_t>(generator() % vocab_size);
    sequences.push_back(ids);
  }
  return sequences;
}

inline PackedBatch Pack(const Sequences& sequences) {
  PackedBatch batch;
  batch.cu_seqlens = {0};
  for (const auto& ids : sequences) {
    batch.token_ids.insert(batch.token_ids.end(), ids.begin(), ids.end());
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.token_ids.size()));
  }
  return batch;
}

// Rows whose bits differ.
inline int64_t DifferentRows(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  const at::Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  const size_t row_bytes = x.size(0) == 0 ? 0 : x.nbytes() / static_cast<size_t>(x.size(0));
  int64_t different = 0;
  for (int64_t row = 0; row < x.size(0); ++row) {
    const auto* p = static_cast<const char*>(x.const_data_ptr()) + row * row_bytes;
    const auto* q = static_cast<const char*>(y.const_data_ptr()) + row * row_bytes;
    different += std::memcmp(p, q, row_bytes) != 0;
  }
  return different;
}

// With as many threads of LibTorch as the parameter says.
class ThreadsTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    threads_ = at::get_num_threads();
    at::set_num_threads(GetParam());
  }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  int threads_ = 1;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TESTING_PACKED_SEQUENCES_H_
