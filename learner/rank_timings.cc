// SPDX-License-Identifier: Apache-2.0
#include "learner/rank_timings.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "common/config/proto_time.h"

namespace cohort::learner {
namespace {

constexpr size_t kNumbersPerPhase = 3;
constexpr size_t kNumbersPerRank = kNumbersPerPhase * kPhaseNames.size();

double UnixSeconds(absl::Time time) { return static_cast<double>(absl::ToUnixMicros(time)) * 1e-6; }

google::protobuf::Timestamp TimestampOf(double unix_seconds) {
  return common::ToProtoTimestamp(absl::FromUnixMicros(std::llround(unix_seconds * 1e6)));
}

cohort::v1::PhaseTiming PhaseOf(const char* name, const double* numbers) {
  cohort::v1::PhaseTiming phase;
  phase.set_phase(name);
  *phase.mutable_begin_time() = TimestampOf(numbers[0]);
  *phase.mutable_end_time() = TimestampOf(std::max(numbers[0], numbers[1]));
  const int64_t busy_nanos = std::llround(std::max(0.0, numbers[2]) * 1e9);
  *phase.mutable_busy_time() = common::ToProtoDuration(absl::Nanoseconds(busy_nanos));
  return phase;
}

bool BeginsBefore(const cohort::v1::PhaseTiming& a, const cohort::v1::PhaseTiming& b) {
  return common::FromProtoTimestamp(a.begin_time()) < common::FromProtoTimestamp(b.begin_time());
}

}  // namespace

RankTimingTable::RankTimingTable(int rank, int world_size, const PhaseTimer& timer)
    : numbers_(static_cast<size_t>(world_size) * kNumbersPerRank, 0.0) {
  double* next = numbers_.data() + static_cast<size_t>(rank) * kNumbersPerRank;
  for (size_t p = 0; p < kPhaseNames.size(); ++p, next += kNumbersPerPhase) {
    const auto phase = static_cast<Phase>(p);
    const std::optional<absl::Time> begin = timer.FirstBegin(phase);
    if (!begin.has_value()) continue;
    next[0] = UnixSeconds(*begin);
    next[1] = UnixSeconds(timer.LastEnd(phase));
    next[2] = timer.Seconds(phase);
  }
}

std::vector<cohort::v1::RankTimings> RankTimingTable::Timings() const {
  std::vector<cohort::v1::RankTimings> ranks;
  for (size_t first = 0; first < numbers_.size(); first += kNumbersPerRank) {
    cohort::v1::RankTimings& rank = ranks.emplace_back();
    rank.set_rank(static_cast<int32_t>(first / kNumbersPerRank));
    for (size_t p = 0; p < kPhaseNames.size(); ++p) {
      const double* const numbers = &numbers_[first + p * kNumbersPerPhase];
      if (numbers[0] > 0) *rank.add_phases() = PhaseOf(kPhaseNames[p], numbers);
    }
    std::stable_sort(rank.mutable_phases()->begin(), rank.mutable_phases()->end(), BeginsBefore);
  }
  return ranks;
}

}  // namespace cohort::learner
