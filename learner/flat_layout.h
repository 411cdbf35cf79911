// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FLAT_LAYOUT_H_
#define COHORT_LEARNER_FLAT_LAYOUT_H_

// Torch-free. Offsets and sizes count numbers, not bytes.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "learner/parameter_selection.h"

namespace cohort::learner {

// A rank among those that share buffers.
struct RankPlace {
  int rank = 0;
  int world_size = 1;
};

struct FlatRange {
  int64_t offset = 0;
  int64_t size = 0;
};

// Where one parameter lies in a flat buffer.
struct FlatSpan {
  std::string name;
  int64_t offset = 0;
  int64_t size = 0;
  bool is_decayed = false;
};

// Neighbouring spans of a layout.
struct SpanRange {
  size_t first = 0;
  size_t count = 0;
};

// Neighbouring parameters that are reduced over ranks together. A multiple of world_size lines, so that every rank can
// own an equal piece of it.
struct FlatBucket {
  FlatRange range;
  size_t first_span = 0;
  size_t num_spans = 0;
  // The layer of which it holds all parameters and nothing else, when layers are sharded: a rank has its own piece of
  // weights and gradients alone. Else -1: every rank has all of them.
  int64_t layer = -1;
};

// How the parameters of a selection lie in a flat buffer: one behind the other in the order of the forward pass, each
// at the start of a line of 64 bytes, with gaps for that. Buckets are in the order in which a backward pass completes
// them, the last parameters first.
struct FlatLayout {
  std::vector<FlatSpan> spans;
  std::vector<FlatBucket> buckets;
  int64_t size = 0;
};

// 16 MiB of gradients: large enough that latency does not count, small enough that most are on their way while a
// backward pass goes on.
inline constexpr int64_t kBucketNumbers = int64_t{4} << 20;

struct FlatLayoutOptions {
  int64_t bucket_numbers = kBucketNumbers;
  bool shards_layers = false;  // ZeRO-3: every layer is a bucket of its own
};

// A pure function of its arguments, so equal on all ranks. A bucket takes parameters until it holds `bucket_numbers`,
// and is never less than one parameter.
FlatLayout MakeFlatLayout(const std::vector<TrainedParameter>& parameters, int world_size,
                          const FlatLayoutOptions& options = {});

// Where the parameters of `spans` lie, with the gaps between them; empty for none.
FlatRange RangeOf(const FlatLayout& layout, const SpanRange& spans);

// The piece of a bucket that `place` owns where state is sharded.
FlatRange OwnedPiece(const FlatBucket& bucket, const RankPlace& place);
// Those of every bucket: those of all ranks are the whole buffer. Rising.
std::vector<FlatRange> OwnedRanges(const FlatLayout& layout, const RankPlace& place);
// Where `place` has weights and gradients: everything but the pieces of layers that are its peers'. Rising.
std::vector<FlatRange> HeldRanges(const FlatLayout& layout, const RankPlace& place);

// Ranges of a layout that lie one behind the other in a buffer of their own. Immutable, thread-safe.
class PackedRanges final {
 public:
  PackedRanges() = default;
  // Rising, none in another.
  explicit PackedRanges(std::vector<FlatRange> ranges);

  const std::vector<FlatRange>& ranges() const { return ranges_; }
  int64_t size() const { return size_; }
  // Calls `visit` with each part of `range` that is there, rising, and where in the buffer it begins.
  void ForParts(const FlatRange& range,
                const std::function<void(const FlatRange& part, int64_t packed_offset)>& visit) const;
  // Where `range` begins, of which all is there, in one piece.
  int64_t OffsetOf(const FlatRange& range) const;

 private:
  std::vector<FlatRange> ranges_;
  int64_t size_ = 0;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FLAT_LAYOUT_H_
