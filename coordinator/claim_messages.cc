// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_messages.h"

#include <algorithm>
#include <utility>

namespace cohort::coordinator {
namespace {

// As many answers as are made at a time, and more: claims that wait have one too, but are seldom answered together.
constexpr size_t kMaxKept = 64;
// An answer that has held more (long prompts, or stored completions) holds on to it when it is cleared: this is its
// memory, not what it says.
constexpr size_t kMaxBytes = 256 << 10;
// Memory is counted by reflection, over all groups that the answer ever had: several times what it takes to serialize
// it. It grows when more is sent than ever before, after which it is counted. Otherwise it seldom grows (what is given
// back is not sent, and a long text may be another group's the next time): that is found after so many uses.
constexpr int64_t kUsesPerCount = 64;

}  // namespace

bool ClaimAnswer::IsLarge() {
  const int sent = message_.GetCachedSize();
  const bool is_counted = sent > largest_sent_ || num_uses_ % kUsesPerCount == 0;
  ++num_uses_;
  largest_sent_ = std::max(largest_sent_, sent);
  return is_counted && message_.SpaceUsedLong() > kMaxBytes;
}

std::unique_ptr<ClaimAnswer> ClaimMessages::Take() {
  absl::MutexLock lock(&mutex_);
  if (kept_.empty()) return std::make_unique<ClaimAnswer>();
  std::unique_ptr<ClaimAnswer> answer = std::move(kept_.back());
  kept_.pop_back();
  return answer;
}

int ClaimMessages::NumKept() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(kept_.size());
}

void ClaimMessages::TakeBack(std::unique_ptr<ClaimAnswer> answer) {
  if (answer->IsLarge()) return;
  answer->message()->Clear();
  absl::MutexLock lock(&mutex_);
  if (kept_.size() < kMaxKept) kept_.push_back(std::move(answer));
}

}  // namespace cohort::coordinator
