// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/merge_symbols.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace cohort::model {
namespace {

// Up to here searching all pairs for the best is faster than keeping a heap.
constexpr size_t kShort = 48;
constexpr MergeTable::Merge kNoMerge = {std::numeric_limits<int32_t>::max(), -1};

int64_t MergeShort(const MergeTable& merges, std::vector<int32_t>* symbols_pointer) {
  std::vector<int32_t>& symbols = *symbols_pointer;
  int32_t* const ids = symbols.data();
  size_t count = symbols.size();
  MergeTable::Merge with_next[kShort];  // what the symbol and its right neighbour become
  int64_t work = 0;
  const auto look_up = [&](size_t left) {
    const MergeTable::Merge* merge = left + 1 < count ? merges.Find(ids[left], ids[left + 1]) : nullptr;
    with_next[left] = merge == nullptr ? kNoMerge : *merge;
    ++work;
  };
  for (size_t left = 0; left < count; ++left) look_up(left);
  while (true) {
    size_t best = 0;
    for (size_t left = 1; left + 1 < count; ++left) {
      if (with_next[left].rank < with_next[best].rank) best = left;
    }
    work += static_cast<int64_t>(count);
    if (with_next[best].rank == kNoMerge.rank) break;
    ids[best] = with_next[best].id;
    std::move(ids + best + 2, ids + count, ids + best + 1);
    std::move(with_next + best + 2, with_next + count, with_next + best + 1);
    --count;
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
  symbols.resize(count);
  return work;
}

// A doubly linked list of symbols and a heap of the pairs that merge.
class LongMerger final {
 public:
  LongMerger(const MergeTable& merges, const std::vector<int32_t>& symbols);
  void MergeAll();
  std::vector<int32_t> Symbols() const;
  int64_t work() const { return work_; }

 private:
  struct Symbol {
    int32_t id;  // -1: merged into the one before
    int32_t previous, next;
  };

  // Rank above position: the smallest goes first.
  static uint64_t Candidate(int32_t rank, int32_t left) {
    return static_cast<uint64_t>(rank) << 32 | static_cast<uint32_t>(left);
  }
  const MergeTable::Merge* FindAt(int32_t left);
  void Offer(int32_t left);
  auto Later() {
    return [this](uint64_t a, uint64_t b) {
      ++work_;
      return a > b;
    };
  }

  const MergeTable& merges_;
  std::vector<Symbol> symbols_;
  std::vector<uint64_t> candidates_;  // a heap
  int64_t work_ = 0;
};

LongMerger::LongMerger(const MergeTable& merges, const std::vector<int32_t>& symbols) : merges_(merges) {
  const auto count = static_cast<int32_t>(symbols.size());
  symbols_.reserve(symbols.size());
  for (int32_t i = 0; i < count; ++i) symbols_.push_back({symbols[i], i - 1, i + 1 == count ? -1 : i + 1});
  for (int32_t i = 0; i < count; ++i) {
    if (const MergeTable::Merge* merge = FindAt(i)) candidates_.push_back(Candidate(merge->rank, i));
  }
  std::make_heap(candidates_.begin(), candidates_.end(), Later());
}

const MergeTable::Merge* LongMerger::FindAt(int32_t left) {
  ++work_;
  if (left < 0 || symbols_[left].id < 0 || symbols_[left].next < 0) return nullptr;
  return merges_.Find(symbols_[left].id, symbols_[symbols_[left].next].id);
}

void LongMerger::Offer(int32_t left) {
  const MergeTable::Merge* merge = FindAt(left);
  if (merge == nullptr) return;
  candidates_.push_back(Candidate(merge->rank, left));
  std::push_heap(candidates_.begin(), candidates_.end(), Later());
}

void LongMerger::MergeAll() {
  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end(), Later());
    const uint64_t best = candidates_.back();
    candidates_.pop_back();
    const auto position = static_cast<int32_t>(best & 0xFFFFFFFF);
    // A candidate is stale when one of its symbols was merged since: then the pair has another rank or none.
    const MergeTable::Merge* merge = FindAt(position);
    if (merge == nullptr || merge->rank != static_cast<int32_t>(best >> 32)) continue;
    Symbol& left = symbols_[position];
    Symbol& right = symbols_[left.next];
    left.id = merge->id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols_[left.next].previous = position;
    Offer(left.previous);
    Offer(position);
  }
}

std::vector<int32_t> LongMerger::Symbols() const {
  std::vector<int32_t> ids;
  for (int32_t i = symbols_.empty() ? -1 : 0; i >= 0; i = symbols_[i].next) ids.push_back(symbols_[i].id);
  return ids;
}

}  // namespace

int64_t MergeSymbols(const MergeTable& merges, std::vector<int32_t>* symbols) {
  if (symbols->size() < 2) return 0;
  if (symbols->size() <= kShort) return MergeShort(merges, symbols);
  LongMerger merger(merges, *symbols);
  merger.MergeAll();
  *symbols = merger.Symbols();
  return merger.work();
}

}  // namespace cohort::model
