// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_FAKE_PROCESS_GROUP_H_
#define COHORT_LEARNER_TESTING_FAKE_PROCESS_GROUP_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// Where the ranks of a fake gang meet: threads of one process. Thread-safe.
class FakeGang final {
 public:
  explicit FakeGang(int world_size) : world_size_(world_size), tensors_(world_size) {}

  // Waits for all ranks; the last one runs `combine` on their tensors, in order of rank.
  void Meet(int rank, const at::Tensor& tensor, const std::function<void(std::vector<at::Tensor>&)>& combine) {
    absl::MutexLock lock(&mutex_);
    tensors_[rank] = tensor;
    const int64_t round = round_;
    if (++num_arrived_ == world_size_) {
      combine(tensors_);
      num_arrived_ = 0;
      ++round_;
    }
    const auto is_over = [this, round] {
      mutex_.AssertReaderHeld();
      return round_ > round;
    };
    mutex_.Await(absl::Condition(&is_over));
  }

  int world_size() const { return world_size_; }

 private:
  const int world_size_;
  absl::Mutex mutex_;
  std::vector<at::Tensor> tensors_ ABSL_GUARDED_BY(mutex_);
  int num_arrived_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t round_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One rank of it.
class FakeProcessGroup final : public model::ProcessGroup {
 public:
  FakeProcessGroup(FakeGang* gang, int rank) : gang_(gang), rank_(rank) {}

  int rank() const override { return rank_; }
  int world_size() const override { return gang_->world_size(); }
  absl::Status AllReduceSum(at::Tensor tensor) override {
    return Combine(tensor, [](at::Tensor& total, const at::Tensor& next) { total.add_(next); });
  }
  absl::Status AllReduceMax(at::Tensor tensor) override {
    return Combine(tensor, [](at::Tensor& total, const at::Tensor& next) { total.copy_(total.maximum(next)); });
  }
  absl::Status Broadcast(at::Tensor tensor, int root) override {
    gang_->Meet(rank_, tensor, [root](std::vector<at::Tensor>& tensors) {
      for (at::Tensor& other : tensors) other.copy_(tensors[root].clone());
    });
    return absl::OkStatus();
  }
  absl::Status Barrier() override {
    gang_->Meet(rank_, at::Tensor(), [](std::vector<at::Tensor>&) {});
    return absl::OkStatus();
  }

 private:
  absl::Status Combine(const at::Tensor& tensor, const std::function<void(at::Tensor&, const at::Tensor&)>& add) {
    gang_->Meet(rank_, tensor, [&add](std::vector<at::Tensor>& tensors) {
      at::Tensor total = tensors[0].clone();
      for (size_t rank = 1; rank < tensors.size(); ++rank) add(total, tensors[rank]);
      for (at::Tensor& other : tensors) other.copy_(total);
    });
    return absl::OkStatus();
  }

  FakeGang* const gang_;
  const int rank_;
};

// Runs `body` for every rank in a thread of its own and waits for all.
inline void RunRanks(int world_size, const std::function<void(model::ProcessGroup*)>& body) {
  FakeGang gang(world_size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world_size; ++rank) {
    threads.emplace_back([&gang, &body, rank] {
      FakeProcessGroup group(&gang, rank);
      body(&group);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_FAKE_PROCESS_GROUP_H_
