// SPDX-License-Identifier: Apache-2.0
#include "coordinator/prompt_cursor.h"

#include <numeric>
#include <utility>

#include "common/philox.h"

namespace cohort::coordinator {
namespace {

// Uniform in [0, bound) for bound < 2^63: 64 random bits scaled by a 128-bit product.
int64_t UniformBelow(int64_t bound, uint32_t high, uint32_t low) {
  const uint64_t word = (uint64_t{high} << 32) | low;
  return static_cast<int64_t>((static_cast<unsigned __int128>(word) * static_cast<uint64_t>(bound)) >> 64);
}

}  // namespace

std::vector<uint32_t> ShuffledRows(int64_t seed, int64_t epoch, int64_t num_rows) {
  const auto key = std::array<uint32_t, 2>{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  std::vector<uint32_t> rows(num_rows);
  std::iota(rows.begin(), rows.end(), uint32_t{0});
  for (int64_t last = num_rows - 1; last > 0; --last) {
    const auto words = common::Philox4x32({static_cast<uint32_t>(last), static_cast<uint32_t>(last >> 32),
                                           static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)},
                                          key);
    std::swap(rows[last], rows[UniformBelow(last + 1, words[0], words[1])]);
  }
  return rows;
}

PromptCursor::PromptCursor(int64_t seed, int64_t num_rows) : seed_(seed), num_rows_(num_rows) {}

PromptCursor::Prompt PromptCursor::PromptAt(int64_t position) {
  absl::MutexLock lock(&mutex_);
  const int64_t epoch = position / num_rows_;
  if (epoch != epoch_) {
    rows_ = ShuffledRows(seed_, epoch, num_rows_);
    epoch_ = epoch;
  }
  return {.epoch = epoch, .row = rows_[position % num_rows_]};
}

}  // namespace cohort::coordinator
