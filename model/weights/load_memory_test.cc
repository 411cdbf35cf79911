// SPDX-License-Identifier: Apache-2.0
// Counts what the heap gives, so that a second copy of a model, or of a tensor, cannot come back unseen.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/architectures/architecture_table.h"
#include "model/model_config.h"
#include "model/weight_sync/folder_digest.h"
#include "model/weights/random_weights.h"
#include "model/weights/tensor_loader.h"
#include "model/weights/weight_files_writer.h"

namespace {

std::atomic<int64_t> live_bytes{0};
std::atomic<int64_t> peak_bytes{0};

void* Allocate(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  const int64_t live = live_bytes += static_cast<int64_t>(malloc_usable_size(memory));
  int64_t peak = peak_bytes;
  while (live > peak && !peak_bytes.compare_exchange_weak(peak, live)) {
  }
  return memory;
}

void Free(void* memory) {
  if (memory == nullptr) return;
  live_bytes -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }

namespace cohort::model {
namespace {

TEST(LoadMemoryTest, LoadingTakesNoCopyOfAnyTensor) {
  constexpr int64_t kElements = 4 << 20;
  const common::TempDir dir;
  const std::string zeros(4 * kElements, '\0');
  std::vector<TensorToWrite> tensors;
  for (const char* dtype : {"F32", "BF16", "F16"}) {
    const size_t size = dtype[0] == 'F' && dtype[1] == '3' ? 4 * kElements : 2 * kElements;
    tensors.push_back({dtype, dtype, {kElements}, [&zeros, size] { return std::string_view(zeros).substr(0, size); }});
  }
  ASSERT_OK(WriteWeightFiles(dir.path(), tensors));
  std::vector<float> values(3 * kElements);
  constexpr int kThreads = 4;
  const int64_t before = live_bytes;
  peak_bytes = before;
  {
    ASSERT_OK_AND_ASSIGN(const auto files, WeightFiles::Open(dir.path()));
    ASSERT_OK(LoadTensors(
        files, {{"F32", values.data()}, {"BF16", values.data() + kElements}, {"F16", values.data() + 2 * kElements}},
        kThreads));
  }
  // The scratch of the threads and some bookkeeping; the smallest tensor has 8 MiB.
  EXPECT_LE(peak_bytes - before, kThreads * kLoadScratchBytes + (256 << 10));
  EXPECT_GE(peak_bytes - before, kLoadScratchBytes) << "the count must work";
  EXPECT_EQ(live_bytes, before);
}

TEST(LoadMemoryTest, DigestOfAFolderTakesOnePieceOfATensor) {
  const common::TempDir dir;
  ASSERT_OK_AND_ASSIGN(const std::string tiny, common::ReadFile("model/testdata/qwen3_tiny/config.json"));
  auto json = nlohmann::json::parse(tiny);
  json["vocab_size"] = 500'000;
  ASSERT_OK(common::WriteFileAtomically(dir.Join("config.json"), json.dump()));
  {
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, LoadModelConfig(dir.path()));
    const auto parameters = FindArchitecture(config.architecture)->parameters(config);
    ASSERT_OK(WriteRandomWeights(dir.path(), parameters, /*scale=*/0.02, /*seed=*/1, {.dtype = "BF16"}));
  }
  const int64_t before = live_bytes;
  peak_bytes = before;
  ASSERT_OK(FolderDigest(dir.path()));
  // The embedding has 64 MB as fp32.
  EXPECT_LE(peak_bytes - before, kFolderDigestBytes + kLoadScratchBytes + (512 << 10));
  EXPECT_GE(peak_bytes - before, kFolderDigestBytes) << "the count must work";
}

}  // namespace
}  // namespace cohort::model
