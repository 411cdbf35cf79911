// SPDX-License-Identifier: Apache-2.0
#include "model/testing/tensor_memory.h"

#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cstring>

namespace cohort::model {
namespace {

std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

// Before each allocation, for its size: as long as the alignment of what follows.
constexpr size_t kHeaderBytes = 64;

void Release(void* data) {
  if (data == nullptr) return;
  char* const start = static_cast<char*>(data) - kHeaderBytes;
  int64_t size = 0;
  std::memcpy(&size, start, sizeof(size));
  live -= size;
  c10::GetDefaultCPUAllocator()->raw_deallocate(start);
}

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override {
    char* const start = static_cast<char*>(c10::GetDefaultCPUAllocator()->raw_allocate(num_bytes + kHeaderBytes));
    const int64_t size = static_cast<int64_t>(num_bytes);
    std::memcpy(start, &size, sizeof(size));
    const int64_t now = live += size;
    int64_t highest = peak;
    while (now > highest && !peak.compare_exchange_weak(highest, now)) {
    }
    return {start + kHeaderBytes, start + kHeaderBytes, &Release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Release; }
  void copy_data(void* to, const void* from, size_t num_bytes) const override {
    default_copy_data(to, from, num_bytes);
  }
};

// Never destroyed: tensors may live until the process ends.
c10::Allocator* Counting() {
  static CountingAllocator* const allocator = new CountingAllocator();
  return allocator;
}

}  // namespace

TensorMemory::TensorMemory() {
  c10::SetCPUAllocator(Counting());
  Restart();
}

TensorMemory::~TensorMemory() { c10::SetCPUAllocator(c10::GetDefaultCPUAllocator()); }

int64_t TensorMemory::live_bytes() const { return live; }
int64_t TensorMemory::peak_bytes() const { return peak - bytes_at_start_; }

void TensorMemory::Restart() {
  bytes_at_start_ = live;
  peak = bytes_at_start_;
}

}  // namespace cohort::model
