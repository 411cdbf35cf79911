// SPDX-License-Identifier: Apache-2.0
#include "model/weights/tensor_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/weights/piece_threads.h"
#include "model/weights/weight_files_writer.h"
#include "model/weights/widen_floats.h"

namespace cohort::model {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

// What the bits of a binary16 mean, from its definition.
double ValueOfFloat16(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(fraction, -24) : sign * std::ldexp(1024 + fraction, exponent - 25);
}

double ValueOfBfloat16(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = (bits >> 7) & 255, fraction = bits & 127;
  if (exponent == 255) return fraction != 0 ? NAN : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(fraction, -133) : sign * std::ldexp(128 + fraction, exponent - 134);
}

void ExpectAllPatterns(void (*widen)(const uint16_t*, int64_t, float*), double (*value)(uint16_t)) {
  std::vector<uint16_t> source(65536 + 5);  // so that a tail is left behind whole vectors
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint16_t>(i);
  std::vector<float> values(source.size());
  widen(source.data(), static_cast<int64_t>(source.size()), values.data());
  for (size_t i = 0; i < source.size(); ++i) {
    const double expected = value(source[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(values[i])) << i;
    } else {
      ASSERT_EQ(values[i], expected) << i;
      ASSERT_EQ(std::signbit(values[i]), std::signbit(expected)) << i;
    }
  }
}

TEST(WidenFloatsTest, EveryPatternKeepsItsValue) {
  ExpectAllPatterns(&WidenBfloat16, &ValueOfBfloat16);
  ExpectAllPatterns(&WidenFloat16, &ValueOfFloat16);
  ExpectAllPatterns(&WidenFloat16Portably, &ValueOfFloat16);
}

class TensorLoaderTest : public ::testing::Test {
 protected:
  // Two shards: an fp32 tensor of more than one piece and small ones of the other types.
  void SetUp() override {
    large_.resize(3'000'001);
    for (size_t i = 0; i < large_.size(); ++i) large_[i] = static_cast<float>(i);
    for (int i = 0; i < 70'000; ++i) halves_.push_back(static_cast<uint16_t>(i * 7));
    const auto view = [](const auto& values) {
      return [&values] {
        return std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
      };
    };
    ASSERT_OK(WriteWeightFiles(dir_.path(),
                               {{"large", "F32", {3'000'001}, view(large_)},
                                {"bf16", "BF16", {70'000}, view(halves_)},
                                {"f16", "F16", {70'000}, view(halves_)},
                                {"empty", "BF16", {0}, [] { return std::string_view(); }}},
                               /*max_shard_bytes=*/1'000'000));
  }

  common::TempDir dir_;
  std::vector<float> large_;
  std::vector<uint16_t> halves_;
};

TEST_F(TensorLoaderTest, ValuesAreTheSameOnAnyNumberOfThreads) {
  ASSERT_OK_AND_ASSIGN(const auto files, WeightFiles::Open(dir_.path()));
  ASSERT_EQ(files.files().size(), 2u);
  std::vector<float> expected_bf16(70'000), expected_f16(70'000);
  WidenBfloat16(halves_.data(), 70'000, expected_bf16.data());
  WidenFloat16(halves_.data(), 70'000, expected_f16.data());
  for (const int num_threads : {1, 2, 7}) {
    std::vector<float> large(large_.size()), bf16(70'000), f16(70'000);
    ASSERT_OK(LoadTensors(
        files, {{"f16", f16.data()}, {"large", large.data()}, {"empty", nullptr}, {"bf16", bf16.data()}}, num_threads));
    EXPECT_EQ(std::memcmp(large.data(), large_.data(), 4 * large.size()), 0);
    EXPECT_EQ(std::memcmp(bf16.data(), expected_bf16.data(), 4 * bf16.size()), 0);
    EXPECT_EQ(std::memcmp(f16.data(), expected_f16.data(), 4 * f16.size()), 0);
  }
}

TEST_F(TensorLoaderTest, FileThatShrinksWhileItIsReadIsDataLossAndNoSignal) {
  ASSERT_OK_AND_ASSIGN(const auto files, WeightFiles::Open(dir_.path()));
  const std::string shard = dir_.Join("model-00001-of-00002.safetensors");
  std::filesystem::resize_file(shard, 5'000'000);
  std::vector<float> large(large_.size());
  EXPECT_THAT(LoadTensors(files, {{"large", large.data()}}, 2),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(shard)));
}

TEST(PieceThreadsTest, EveryPieceIsDoneOnce) {
  for (const int num_threads : {0, 1, 3, 50}) {
    std::vector<std::atomic<int>> times(37);
    ASSERT_OK(ForEachPiece(37, num_threads, [&](int64_t piece) {
      ++times[static_cast<size_t>(piece)];
      return absl::OkStatus();
    }));
    for (const auto& count : times) EXPECT_EQ(count, 1);
  }
  ASSERT_OK(ForEachPiece(0, 4, [](int64_t) { return absl::InternalError("called"); }));
}

TEST(PieceThreadsTest, LowestErrorIsReported) {
  for (int round = 0; round < 50; ++round) {
    const absl::Status status = ForEachPiece(100, 4, [](int64_t piece) {
      return piece >= 20 ? absl::InternalError(absl::StrCat("piece ", piece)) : absl::OkStatus();
    });
    EXPECT_EQ(status.message(), "piece 20");
  }
}

}  // namespace
}  // namespace cohort::model
