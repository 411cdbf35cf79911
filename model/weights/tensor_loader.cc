// SPDX-License-Identifier: Apache-2.0
#include "model/weights/tensor_loader.h"

#include <algorithm>

#include "common/status_macros.h"
#include "model/weights/piece_threads.h"
#include "model/weights/safetensors_header.h"
#include "model/weights/widen_floats.h"

namespace cohort::model {
namespace {

// What a thread takes at a time: large enough to be read in a row, small enough that threads end together.
constexpr int64_t kPieceElements = int64_t{1} << 20;
constexpr int64_t kScratchElements = kLoadScratchBytes / 2;  // 16-bit numbers, which stay in the cache

struct Piece {
  WeightFiles::Tensor source;
  int64_t first = 0;  // element of the tensor
  int64_t count = 0;
  float* values = nullptr;
};

absl::Status ReadWidened(const WeightFiles::Tensor& tensor, int64_t first, int64_t count, float* values) {
  const bool is_bfloat16 = tensor.entry->dtype == "BF16";
  std::vector<uint16_t> scratch(static_cast<size_t>(std::min(kScratchElements, count)));
  for (int64_t done = 0; done < count; done += kScratchElements) {
    const int64_t num_read = std::min(kScratchElements, count - done);
    COHORT_RETURN_IF_ERROR(tensor.Read(2 * (first + done), 2 * num_read, reinterpret_cast<char*>(scratch.data())));
    if (is_bfloat16) {
      WidenBfloat16(scratch.data(), num_read, values + done);
    } else {
      WidenFloat16(scratch.data(), num_read, values + done);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadElements(const WeightFiles::Tensor& tensor, int64_t first, int64_t count, float* values) {
  if (tensor.entry->dtype != "F32") return ReadWidened(tensor, first, count, values);
  return tensor.Read(4 * first, 4 * count, reinterpret_cast<char*>(values));
}

absl::Status LoadTensors(const WeightFiles& files, const std::vector<TensorDestination>& destinations,
                         int num_threads) {
  std::vector<Piece> pieces;
  for (const TensorDestination& destination : destinations) {
    const WeightFiles::Tensor& source = files.Get(destination.name);
    const int64_t num_elements = source.entry->size_bytes / SafetensorsDtypeBytes(source.entry->dtype);
    for (int64_t first = 0; first < num_elements; first += kPieceElements) {
      pieces.push_back({source, first, std::min(kPieceElements, num_elements - first), destination.values + first});
    }
  }
  return ForEachPiece(static_cast<int64_t>(pieces.size()), num_threads, [&](int64_t number) {
    const Piece& piece = pieces[static_cast<size_t>(number)];
    return ReadElements(piece.source, piece.first, piece.count, piece.values);
  });
}

}  // namespace cohort::model
