// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FLAT_LAYOUT_H_
#define COHORT_LEARNER_FLAT_LAYOUT_H_

// Torch-free. Offsets and sizes count numbers, not bytes.
#include <cstddef>
#include <cstdint>
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

// Neighbouring parameters that are reduced over ranks together. A multiple of world_size lines, so that every rank can
// own an equal piece of it.
struct FlatBucket {
  FlatRange range;
  size_t first_span = 0;
  size_t num_spans = 0;
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

// A pure function of its arguments, so equal on all ranks. A bucket takes parameters until it holds `bucket_numbers`,
// and is never less than one parameter.
FlatLayout MakeFlatLayout(const std::vector<TrainedParameter>& parameters, int world_size,
                          int64_t bucket_numbers = kBucketNumbers);

// The pieces of every bucket that `place` owns where state is sharded: those of all ranks are the whole buffer. Rising.
std::vector<FlatRange> OwnedRanges(const FlatLayout& layout, const RankPlace& place);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FLAT_LAYOUT_H_
