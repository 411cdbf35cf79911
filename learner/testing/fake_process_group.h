// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_FAKE_PROCESS_GROUP_H_
#define COHORT_LEARNER_TESTING_FAKE_PROCESS_GROUP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <set>
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

  void Enter(int rank) {
    absl::MutexLock lock(&mutex_);
    left_.erase(rank);
  }
  void Leave(int rank) {
    absl::MutexLock lock(&mutex_);
    left_.insert(rank);
  }

  // Waits for all ranks; the last one runs `combine` on their tensors, in order of rank. UNAVAILABLE when one has left.
  absl::Status Meet(int rank, const at::Tensor& tensor, const std::function<void(std::vector<at::Tensor>&)>& combine) {
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
      return round_ > round || !left_.empty();
    };
    mutex_.Await(absl::Condition(&is_over));
    return round_ > round ? absl::OkStatus() : absl::UnavailableError("a peer has left");
  }

  int world_size() const { return world_size_; }
  // Collectives that all ranks have made.
  int64_t num_rounds() const {
    absl::MutexLock lock(&mutex_);
    return round_;
  }

 private:
  const int world_size_;
  mutable absl::Mutex mutex_;
  std::vector<at::Tensor> tensors_ ABSL_GUARDED_BY(mutex_);
  int num_arrived_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t round_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<int> left_ ABSL_GUARDED_BY(mutex_);
};

// One rank of it, for as long as this lives.
class FakeProcessGroup final : public model::ProcessGroup {
 public:
  FakeProcessGroup(FakeGang* gang, int rank) : gang_(gang), rank_(rank) { gang_->Enter(rank_); }
  ~FakeProcessGroup() override { gang_->Leave(rank_); }

  int rank() const override { return rank_; }
  int world_size() const override { return gang_->world_size(); }
  absl::Status AllReduceSum(at::Tensor tensor) override {
    return Combine(tensor, [](at::Tensor& total, const at::Tensor& next) { total.add_(next); });
  }
  absl::Status AllReduceMax(at::Tensor tensor) override {
    return Combine(tensor, [](at::Tensor& total, const at::Tensor& next) { total.copy_(total.maximum(next)); });
  }
  // What must not be used afterwards is NaN.
  absl::Status ReduceScatterSum(at::Tensor tensor) override {
    return gang_->Meet(rank_, tensor, [](std::vector<at::Tensor>& tensors) {
      at::Tensor total = tensors[0].clone();
      for (size_t rank = 1; rank < tensors.size(); ++rank) total.add_(tensors[rank]);
      const int64_t size = total.numel() / static_cast<int64_t>(tensors.size());
      for (size_t rank = 0; rank < tensors.size(); ++rank) {
        const int64_t offset = static_cast<int64_t>(rank) * size;
        tensors[rank].fill_(std::numeric_limits<double>::quiet_NaN());
        tensors[rank].narrow(0, offset, size).copy_(total.narrow(0, offset, size));
      }
    });
  }
  absl::Status AllGather(at::Tensor tensor) override {
    return gang_->Meet(rank_, tensor, [](std::vector<at::Tensor>& tensors) {
      const int64_t size = tensors[0].numel() / static_cast<int64_t>(tensors.size());
      at::Tensor whole = tensors[0].clone();
      for (size_t rank = 1; rank < tensors.size(); ++rank) {
        const int64_t offset = static_cast<int64_t>(rank) * size;
        whole.narrow(0, offset, size).copy_(tensors[rank].narrow(0, offset, size));
      }
      for (at::Tensor& other : tensors) other.copy_(whole);
    });
  }
  absl::Status Broadcast(at::Tensor tensor, int root) override {
    return gang_->Meet(rank_, tensor, [root](std::vector<at::Tensor>& tensors) {
      for (at::Tensor& other : tensors) other.copy_(tensors[root].clone());
    });
  }
  absl::Status Barrier() override {
    return gang_->Meet(rank_, at::Tensor(), [](std::vector<at::Tensor>&) {});
  }

 private:
  absl::Status Combine(const at::Tensor& tensor, const std::function<void(at::Tensor&, const at::Tensor&)>& add) {
    return gang_->Meet(rank_, tensor, [&add](std::vector<at::Tensor>& tensors) {
      at::Tensor total = tensors[0].clone();
      for (size_t rank = 1; rank < tensors.size(); ++rank) add(total, tensors[rank]);
      for (at::Tensor& other : tensors) other.copy_(total);
    });
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
