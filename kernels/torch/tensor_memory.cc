// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/tensor_memory.h"

#include <ATen/Context.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <malloc.h>

#include <atomic>
#include <functional>

#include "kernels/torch/torch_status.h"

namespace cohort::kernels {
namespace {

// Of the CPU's tensors. LibTorch has one allocator for it, so the process has one count.
std::atomic<int64_t> live{0};
std::atomic<int64_t> peak{0};

// The heap knows the size of what it gave, so that blocks need no header and lie where they would without a count.
int64_t SizeOf(void* data) { return static_cast<int64_t>(malloc_usable_size(data)); }

void Release(void* data) {
  live.fetch_sub(SizeOf(data), std::memory_order_relaxed);
  c10::GetDefaultCPUAllocator()->raw_deallocate(data);
}

// LibTorch's own allocator, counted. Data and context of a block are one pointer, as the raw functions need.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override {
    void* const data = c10::GetDefaultCPUAllocator()->raw_allocate(num_bytes);
    const int64_t size = SizeOf(data);
    const int64_t now = live.fetch_add(size, std::memory_order_relaxed) + size;
    int64_t highest = peak.load(std::memory_order_relaxed);
    while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
    }
    return {data, data, &Release, c10::Device(c10::kCPU)};
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

// What keeps a device from telling will keep it from computing, by name.
void WithDeviceAllocator(const c10::Device& device, const std::function<void(c10::DeviceAllocator*)>& use) {
  StatusFromTorch("device memory", [&] {
    at::globalContext().lazyInitDevice(device.type());
    use(c10::getDeviceAllocator(device.type()));
    return absl::OkStatus();
  }).IgnoreError();
}

c10::CachingAllocator::Stat DeviceBytes(const c10::Device& device) {
  c10::CachingAllocator::Stat bytes;
  WithDeviceAllocator(device, [&](c10::DeviceAllocator* allocator) {
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    bytes = allocator->getDeviceStats(device.index()).allocated_bytes[kAll];
  });
  return bytes;
}

}  // namespace

TensorMemory::TensorMemory(const c10::Device& device) : device_(device) {
  if (device_.is_cpu()) c10::SetCPUAllocator(Counting());
  Restart();
}

TensorMemory::~TensorMemory() {
  if (device_.is_cpu()) c10::SetCPUAllocator(c10::GetDefaultCPUAllocator());
}

int64_t TensorMemory::live_bytes() const {
  return device_.is_cpu() ? live.load(std::memory_order_relaxed) : DeviceBytes(device_).current;
}

int64_t TensorMemory::peak_bytes() const {
  return device_.is_cpu() ? peak.load(std::memory_order_relaxed) : DeviceBytes(device_).peak;
}

void TensorMemory::Restart() {
  if (device_.is_cpu()) {
    peak.store(live.load(std::memory_order_relaxed), std::memory_order_relaxed);
  } else {
    WithDeviceAllocator(device_,
                        [this](c10::DeviceAllocator* allocator) { allocator->resetPeakStats(device_.index()); });
  }
}

}  // namespace cohort::kernels
