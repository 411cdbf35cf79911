// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_JUDGEMENT_POOL_H_
#define COHORT_REWARD_SANDBOX_JUDGEMENT_POOL_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/reward_spec.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "reward/sandbox/judgement_lane.h"
#include "reward/sandbox/zygote.h"

namespace cohort::reward {

// Pre-forked children that judge, one more than may be at work so that a replacement is always there. Each judgement
// has its deadline: past it the child's process group is killed, the rest of its work goes to another child. A
// judgement without verdict is tried once more in another child before it stands. Thread-safe; `zygote` must outlive
// the pool.
class JudgementPool final {
 public:
  // `child_main` must end in ServeJudgements; every child gets `spec` first.
  static absl::StatusOr<std::unique_ptr<JudgementPool>> Create(Zygote* zygote, Zygote::ChildMain child_main,
                                                               const cohort::v1::RewardSpec& spec, int num_children);
  JudgementPool(const JudgementPool&) = delete;
  JudgementPool& operator=(const JudgementPool&) = delete;
  ~JudgementPool();

  // Fills in every score; blocks until then. UNAVAILABLE: the zygote is gone.
  absl::Status Run(const cohort::v1::Problem& problem, std::vector<Judgement>* judgements);

 private:
  JudgementPool(Zygote* zygote, Zygote::ChildMain child_main, std::string spec_frame, int num_children)
      : zygote_(zygote), child_main_(child_main), spec_frame_(std::move(spec_frame)), num_children_(num_children) {}

  // A lane with the judgements that wait for another child.
  struct Work {
    JudgementLane lane;
    std::vector<Judgement*> retries;
  };

  absl::StatusOr<SandboxChild> Fork();
  // At least one child, at most `max`; waits for the first only.
  absl::StatusOr<std::vector<SandboxChild>> Acquire(size_t max);
  // A lane that was given up in the middle loses its child.
  void Release(const std::vector<Work>& works);
  // Kills the child and hands out another; *how says how the old one ended.
  absl::StatusOr<SandboxChild> Replace(const SandboxChild& child, std::string* how);
  // Puts fresh children in the place of idle ones that have died (killed for memory, say): what they were never given
  // must not count as tried.
  void ReplaceDead();
  // Another living child for a living one.
  SandboxChild Exchange(const SandboxChild& child);
  bool HasCapacity() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return num_in_use_ < num_children_; }

  absl::Status RunLanes(std::vector<Work>* works);
  absl::Status AdvanceLane(Work* work);
  absl::Status HandleFault(JudgementLane::State state, Work* work);
  static void Settle(Judgement* judgement, Work* work);

  Zygote* const zygote_;
  const Zygote::ChildMain child_main_;
  const std::string spec_frame_;
  const int num_children_;
  absl::Mutex mutex_;
  std::deque<SandboxChild> idle_ ABSL_GUARDED_BY(mutex_);
  int num_in_use_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_JUDGEMENT_POOL_H_
