// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_ZYGOTE_H_
#define COHORT_REWARD_SANDBOX_ZYGOTE_H_

#include <memory>

#include "absl/status/statusor.h"

namespace cohort::reward {

// A small process forked at the very start of main, before any thread, from which verifier children are forked later:
// forking a process full of gRPC and LibTorch threads is not safe. It dies with its parent. Thread-safe.
class Zygote {
 public:
  // Call before anything that starts a thread.
  static absl::StatusOr<std::unique_ptr<Zygote>> Start();
  virtual ~Zygote() = default;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_ZYGOTE_H_
