// SPDX-License-Identifier: Apache-2.0
// Holds our numbers against what PyPI transformers gave for the same files (testdata/make_transformers_vectors.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/decoder.h"
#include "model/logprob.h"
#include "model/weights/checkpoint_folder.h"
#include "model/weights/safetensors_reader.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// A tensor of truth/<model>.safetensors, in double.
at::Tensor ReadTruth(const SafetensorsReader& file, const std::string& name) {
  for (const SafetensorsEntry& entry : file.entries()) {
    if (entry.name != name) continue;
    std::string bytes = file.ReadAll(entry).value();
    return at::from_blob(bytes.data(), entry.shape, at::kFloat).to(at::kDouble);
  }
  ADD_FAILURE() << file.path() << " has no " << name;
  return at::zeros({1}, at::kDouble);
}

// Largest difference, against the largest value.
double RelativeError(const at::Tensor& got, const at::Tensor& truth) {
  EXPECT_EQ(got.sizes(), truth.sizes());
  return ((got.to(at::kDouble) - truth).abs().max() / truth.abs().max()).item<double>();
}

class TransformersParityTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat("model/testdata/", GetParam());
    const auto config = LoadModelConfig(folder_);
    ASSERT_TRUE(config.ok()) << config.status();
    auto parameters = LoadParameters(folder_, *config, at::kCPU);
    ASSERT_TRUE(parameters.ok()) << parameters.status();
    parameters_ = *parameters;
    auto decoder = Decoder::Create(*config, parameters_);
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    decoder_ = *std::move(decoder);
    const std::string truth = absl::StrCat("model/testdata/truth/", GetParam());
    vectors_ = json::parse(std::ifstream(truth + ".json"));
    truth_ = SafetensorsReader::Open(truth + ".safetensors").value();
    batch_.cu_seqlens = {0};
    for (const json& ids : vectors_["sequences"]) {
      for (const json& id : ids) batch_.token_ids.push_back(id.get<int32_t>());
      batch_.cu_seqlens.push_back(static_cast<int32_t>(batch_.token_ids.size()));
    }
  }

  // Prints a measured difference and holds it against its bound.
  void ExpectBelow(const char* what, double difference, double bound) {
    std::cout << "[ measured ] " << GetParam() << ": " << what << ": " << difference << std::endl;
    EXPECT_LT(difference, bound) << what;
  }

  at::Tensor Logits() const {
    return ComputeLogits(decoder_->ForwardPacked(batch_).value(), decoder_->OutputWeight()).value();
  }

  // Hidden states of the batch's rows from the cached pass, `chunk` tokens of a sequence at a time.
  at::Tensor CachedHidden(int64_t chunk) const {
    std::vector<at::Tensor> parts;
    for (size_t s = 0; s + 1 < batch_.cu_seqlens.size(); ++s) {
      KvCache cache(decoder_->config(), 4, at::kCPU);
      const int32_t start = batch_.cu_seqlens[s], end = batch_.cu_seqlens[s + 1];
      for (int32_t t = start; t < end;) {
        PagedBatch paged;
        paged.block_tables = {{2, 0, 3, 1}};
        for (int64_t i = 0; i < chunk && t < end; ++i, ++t) {
          paged.token_ids.push_back(batch_.token_ids[t]);
          paged.positions.push_back(t - start);
          paged.sequences.push_back(0);
        }
        parts.push_back(decoder_->ForwardPaged(paged, &cache).value());
      }
    }
    return at::cat(parts);
  }

  std::string folder_;
  ParameterMap parameters_;
  std::unique_ptr<Decoder> decoder_;
  json vectors_;
  std::unique_ptr<SafetensorsReader> truth_;
  PackedBatch batch_;
};

TEST_P(TransformersParityTest, LogitsAgree) {
  ExpectBelow("logits, relative", RelativeError(Logits(), ReadTruth(*truth_, "logits")), 1e-5);
}

TEST_P(TransformersParityTest, LogprobsAndEntropiesAgree) {
  std::vector<int32_t> targets = batch_.token_ids;
  std::reverse(targets.begin(), targets.end());
  const TokenLogprobs got =
      ComputeTokenLogprobs(decoder_->ForwardPacked(batch_).value(), decoder_->OutputWeight(), targets, 1.0).value();
  const at::Tensor truth = at::log_softmax(ReadTruth(*truth_, "logits"), -1);
  const at::Tensor chosen = at::tensor(std::vector<int64_t>(targets.begin(), targets.end())).unsqueeze(1);
  ExpectBelow("log-probs, relative", RelativeError(got.logprobs_T, truth.gather(1, chosen).squeeze(1)), 1e-5);
  ExpectBelow("entropies, relative", RelativeError(got.entropies_T, -(truth.exp() * truth).sum(-1)), 1e-5);
}

TEST_P(TransformersParityTest, GradientsAgree) {
  for (const auto& [name, tensor] : parameters_.entries) tensor.requires_grad_(true);
  std::vector<int32_t> targets(batch_.token_ids.begin() + 1, batch_.token_ids.end());
  targets.push_back(0);
  std::vector<float> weights(targets.size(), 0.0f);
  for (size_t s = 0; s + 1 < batch_.cu_seqlens.size(); ++s) {
    for (int32_t t = batch_.cu_seqlens[s]; t + 1 < batch_.cu_seqlens[s + 1]; ++t) {
      const int32_t place = t - batch_.cu_seqlens[s] + 1;
      weights[t] = (place % 2 == 1 ? 1.0f : -1.0f) / static_cast<float>(place);
    }
  }
  const TokenLogprobs got =
      ComputeTokenLogprobs(decoder_->ForwardPacked(batch_).value(), decoder_->OutputWeight(), targets, 1.0).value();
  (got.logprobs_T * at::tensor(weights)).sum().backward();
  double largest = 0;
  for (const auto& [name, tensor] : parameters_.entries) {
    const at::Tensor truth = ReadTruth(*truth_, "gradient." + name);
    const double error = ((tensor.grad().to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
    EXPECT_LT(error, 1e-4) << name;
    largest = std::max(largest, error);
  }
  ExpectBelow("gradients, relative per tensor", largest, 1e-4);
}

TEST_P(TransformersParityTest, PrefillDecodeAndTrainingAgreeToTheBit) {
  const at::Tensor trained = decoder_->ForwardPacked(batch_).value();
  for (const auto& [what, chunk] :
       {std::pair("prefill", 1000), std::pair("prefill in chunks", 7), std::pair("decode", 1)}) {
    const at::Tensor cached = CachedHidden(chunk);
    ASSERT_EQ(cached.sizes(), trained.sizes());
    EXPECT_EQ(std::memcmp(cached.const_data_ptr(), trained.contiguous().const_data_ptr(), trained.nbytes()), 0) << what;
    std::cout << "[ measured ] " << GetParam() << ": " << what
              << " against training, largest difference: " << (cached - trained).abs().max().item<double>()
              << std::endl;
  }
}

TEST_P(TransformersParityTest, GreedyContinuationIsIdentical) {
  auto ids = vectors_["greedy_prompt"].get<std::vector<int32_t>>();
  KvCache cache(decoder_->config(), 8, at::kCPU);
  PagedBatch batch;
  batch.block_tables = {{7, 6, 5, 4, 3, 2, 1, 0}};
  std::vector<int32_t> continuation;
  size_t done = 0;
  while (continuation.size() < vectors_["greedy"].size()) {
    batch.token_ids.assign(ids.begin() + static_cast<int64_t>(done), ids.end());
    batch.positions.clear();
    for (; done < ids.size(); ++done) batch.positions.push_back(static_cast<int32_t>(done));
    batch.sequences.assign(batch.token_ids.size(), 0);
    const at::Tensor hidden = decoder_->ForwardPaged(batch, &cache).value();
    const at::Tensor logits = ComputeLogits(hidden.narrow(0, hidden.size(0) - 1, 1), decoder_->OutputWeight()).value();
    continuation.push_back(logits.argmax().item<int32_t>());
    ids.push_back(continuation.back());
  }
  EXPECT_EQ(continuation, vectors_["greedy"].get<std::vector<int32_t>>());
}

constexpr const char* kModels[] = {
    "qwen3_tiny",        "qwen3_tiny_untied", "qwen3_tiny_window",   "qwen2_tiny",   "qwen2_tiny_untied_window",
    "llama_tiny_scaled", "llama_tiny_untied", "mistral_tiny_window", "mistral_tiny",
};
INSTANTIATE_TEST_SUITE_P(Models, TransformersParityTest, testing::ValuesIn(kModels));

class WrittenFolderTest : public testing::TestWithParam<const char*> {};

TEST_P(WrittenFolderTest, HoldsTheSameBytesAndFiles) {
  const std::string source = absl::StrCat("model/testdata/", GetParam());
  const std::string folder = testing::TempDir() + "/written";
  const std::string with_tokenizer = testing::TempDir() + "/source";
  std::filesystem::remove_all(folder);
  std::filesystem::remove_all(with_tokenizer);
  std::filesystem::create_directories(folder);
  std::filesystem::copy(source, with_tokenizer);
  std::filesystem::copy("model/testdata/tokenizers/characters/tokenizer.json", with_tokenizer + "/tokenizer.json");
  const ModelConfig config = LoadModelConfig(source).value();
  const ParameterMap parameters = LoadParameters(source, config, at::kCPU).value();
  const absl::Status status = WriteModelFolder(folder, with_tokenizer, parameters);
  ASSERT_TRUE(status.ok()) << status;
  for (const char* file : {"config.json", "generation_config.json", "tokenizer.json"}) {
    EXPECT_EQ(common::ReadFile(absl::StrCat(folder, "/", file)).value(),
              common::ReadFile(absl::StrCat(with_tokenizer, "/", file)).value());
  }
  const ParameterMap again = LoadParameters(folder, config, at::kCPU).value();
  ASSERT_EQ(again.entries.size(), parameters.entries.size());
  for (size_t i = 0; i < again.entries.size(); ++i) {
    EXPECT_EQ(again.entries[i].first, parameters.entries[i].first);
    EXPECT_TRUE(at::equal(again.entries[i].second, parameters.entries[i].second)) << again.entries[i].first;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, WrittenFolderTest, testing::ValuesIn(kModels));

TEST(CheckpointFolderTest, HalfPrecisionIsWidenedExactly) {
  const std::string folder = testing::TempDir() + "/half";
  std::filesystem::remove_all(folder);
  std::filesystem::copy("model/testdata/qwen3_tiny_untied", folder);
  const ModelConfig config = LoadModelConfig(folder).value();
  const ParameterMap parameters = LoadParameters(folder, config, at::kCPU).value();
  const auto shard = SafetensorsReader::Open(folder + "/model-00001-of-00002.safetensors").value();
  int64_t compared = 0;
  for (const SafetensorsEntry& entry : shard->entries()) {
    ASSERT_EQ(entry.dtype, "BF16");
    std::string bytes = shard->ReadAll(entry).value();
    const at::Tensor raw = at::from_blob(bytes.data(), entry.shape, at::kBFloat16);
    EXPECT_TRUE(at::equal(parameters.Find(entry.name), raw.to(at::kFloat))) << entry.name;
    ++compared;
  }
  EXPECT_GT(compared, 5);
}

}  // namespace
}  // namespace cohort::model
