// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_messages.h"

#include <utility>

namespace cohort::coordinator {
namespace {

// As many answers as are made at a time, and more: claims that wait have messages too, but are seldom answered
// together.
constexpr size_t kMaxKept = 64;
// Messages that have held more (long prompts, or stored completions) hold on to it when they are cleared: this is their
// memory, not what they say.
constexpr size_t kMaxPairBytes = 256 << 10;

}  // namespace

class ClaimMessages::Pair final : public Holder {
 public:
  explicit Pair(ClaimMessages* owner) : owner_(owner) {
    set_request(&own_request_);
    set_response(&own_response_);
  }
  void Release() override { owner_->TakeBack(this); }

 private:
  ClaimMessages* const owner_;
  cohort::v1::ClaimGroupsRequest own_request_;
  cohort::v1::ClaimGroupsResponse own_response_;
};

ClaimMessages::ClaimMessages() = default;
ClaimMessages::~ClaimMessages() = default;

ClaimMessages::Holder* ClaimMessages::AllocateMessages() {
  absl::MutexLock lock(&mutex_);
  if (kept_.empty()) return new Pair(this);
  Pair* const pair = kept_.back().release();
  kept_.pop_back();
  return pair;
}

int ClaimMessages::NumKept() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(kept_.size());
}

void ClaimMessages::TakeBack(Pair* pair) {
  std::unique_ptr<Pair> owned(pair);
  if (pair->request()->SpaceUsedLong() + pair->response()->SpaceUsedLong() > kMaxPairBytes) return;
  pair->request()->Clear();
  pair->response()->Clear();
  absl::MutexLock lock(&mutex_);
  if (kept_.size() < kMaxKept) kept_.push_back(std::move(owned));
}

}  // namespace cohort::coordinator
