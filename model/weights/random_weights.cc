// SPDX-License-Identifier: Apache-2.0
#include "model/weights/random_weights.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/normal_draw.h"
#include "model/weights/piece_threads.h"
#include "model/weights/safetensors_header.h"

namespace cohort::model {
namespace {

constexpr int64_t kBufferElements = int64_t{1} << 24;  // 64 MiB as fp32
constexpr int64_t kPieceElements = int64_t{1} << 15;   // of the buffer, one thread at a time; a multiple of 4

// Finite values only.
uint16_t Bfloat16Of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Draws one parameter after the other into one buffer. Not thread-safe; draws on several threads itself.
class WeightStream final {
 public:
  WeightStream(double scale, uint64_t seed, const WeightFormat& format)
      : scale_(scale),
        seed_(seed),
        is_bfloat16_(format.dtype == "BF16"),
        element_bytes_(SafetensorsDtypeBytes(format.dtype)) {}

  // The elements of parameter number `index` from `first` on that fit into the buffer.
  std::string_view Draw(const ParameterSpec& parameter, uint32_t index, int64_t first) {
    const int64_t count = std::min(kBufferElements, parameter.NumElements() - first);
    buffer_.resize(std::max(buffer_.size(), static_cast<size_t>(count * element_bytes_)));
    const auto draw_piece = [&](int64_t piece) {
      const int64_t begin = piece * kPieceElements;
      Fill(parameter, index, first + begin, std::min(kPieceElements, count - begin),
           buffer_.data() + begin * element_bytes_);
      return absl::OkStatus();
    };
    ForEachPiece((count + kPieceElements - 1) / kPieceElements, NumPieceThreads(), draw_piece).IgnoreError();
    return {buffer_.data(), static_cast<size_t>(count * element_bytes_)};
  }

 private:
  void Fill(const ParameterSpec& parameter, uint32_t index, int64_t first, int64_t count, char* bytes) const {
    std::vector<float> values(static_cast<size_t>(count));
    switch (parameter.kind) {
      case ParameterSpec::Kind::kMatrix:
        kernels::DrawNormal({.seed = seed_, .stream = index, .scale = scale_}, first, count, values.data());
        break;
      case ParameterSpec::Kind::kNorm:
        std::fill(values.begin(), values.end(), 1.0f);
        break;
      default:  // a bias stays 0
        break;
    }
    if (!is_bfloat16_) {
      std::memcpy(bytes, values.data(), values.size() * sizeof(float));
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      const uint16_t half = Bfloat16Of(values[i]);
      std::memcpy(bytes + 2 * i, &half, sizeof(half));
    }
  }

  const double scale_;
  const uint64_t seed_;
  const bool is_bfloat16_;
  const int64_t element_bytes_;
  std::vector<char> buffer_;
};

}  // namespace

absl::Status CheckWeightFormat(const WeightFormat& format) {
  if (format.dtype != "F32" && format.dtype != "BF16") {
    return absl::InvalidArgumentError(absl::StrCat("dtype: must be F32 or BF16 (", format.dtype, ")"));
  }
  if (format.max_shard_bytes > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("max_shard_bytes: must be greater than 0 (", format.max_shard_bytes, ")"));
}

int64_t WeightBytes(const std::vector<ParameterSpec>& parameters, const WeightFormat& format) {
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) count += parameter.NumElements();
  return count * SafetensorsDtypeBytes(format.dtype);
}

absl::Status WriteRandomWeights(std::string_view directory, const std::vector<ParameterSpec>& parameters, double scale,
                                uint64_t seed, const WeightFormat& format) {
  COHORT_RETURN_IF_ERROR(CheckWeightFormat(format));
  WeightStream stream(scale, seed, format);
  std::vector<TensorToWrite> tensors;
  for (size_t p = 0; p < parameters.size(); ++p) {
    const ParameterSpec& parameter = parameters[p];
    tensors.push_back({parameter.name, format.dtype, parameter.shape,
                       [&stream, &parameter, index = static_cast<uint32_t>(p), first = int64_t{0}]() mutable {
                         const std::string_view bytes = stream.Draw(parameter, index, first);
                         first += kBufferElements;
                         return bytes;
                       }});
  }
  return WriteWeightFiles(directory, tensors, format.max_shard_bytes);
}

}  // namespace cohort::model
