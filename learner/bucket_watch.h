// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_BUCKET_WATCH_H_
#define COHORT_LEARNER_BUCKET_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "learner/flat_parameters.h"

namespace cohort::learner {

// Watches one backward pass for as long as it lives: says which buckets of the flat buffer have their gradient, while
// the pass goes on. For the last microbatch of an update alone, since the buckets of an earlier one are added to. One
// at a time for the same parameters; make and destroy it while no backward pass runs.
class BucketWatch final {
 public:
  // `on_complete` is called with the number of buckets, from the first one on, that are complete; rising, on the thread
  // that accumulates gradients. `parameters` must outlive this.
  BucketWatch(const FlatParameters* parameters, std::function<void(int64_t num_buckets)> on_complete);
  ~BucketWatch();
  BucketWatch(const BucketWatch&) = delete;
  BucketWatch& operator=(const BucketWatch&) = delete;

  // INTERNAL, by name: a parameter got a second gradient in the pass, so its bucket was handed on too early.
  const absl::Status& status() const { return status_; }

 private:
  void OnGradient(size_t bucket, size_t span);

  const FlatParameters* const parameters_;
  const std::function<void(int64_t)> on_complete_;
  std::vector<bool> has_gradient_;   // by span
  std::vector<size_t> num_missing_;  // by bucket
  int64_t num_complete_ = 0;
  absl::Status status_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BUCKET_WATCH_H_
