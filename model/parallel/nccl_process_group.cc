// SPDX-License-Identifier: Apache-2.0
#include <c10/cuda/CUDAFunctions.h>

#include <chrono>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "absl/time/clock.h"
#include "model/parallel/c10d_process_group.h"
#include "model/parallel/process_group.h"

namespace cohort::model {
namespace {

constexpr absl::Duration kPollInterval = absl::Microseconds(50);

// Waits on the host, so that a dead peer ends in a status here and not in the watchdog's abort.
absl::Status WaitOnHost(c10d::ProcessGroupNCCL* backend, absl::Duration timeout, c10d::Work& work) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!work.isCompleted()) {
    if (absl::Now() > deadline) {
      backend->abort();
      return absl::DeadlineExceededError("NCCL: a peer did not take part in time; communicator aborted");
    }
    absl::SleepFor(kPollInterval);
  }
  work.wait();  // rethrows what went wrong; orders the current stream behind the collective
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateNcclProcessGroup(const ProcessGroupOptions& options,
                                                                     const at::Device& device) {
  auto backend_pointer = std::make_shared<c10d::ProcessGroupNCCL*>(nullptr);
  return CreateC10dProcessGroup(
      options,
      [&, backend_pointer](const c10::intrusive_ptr<c10d::Store>& store) -> c10::intrusive_ptr<c10d::Backend> {
        c10::cuda::set_device(device.index());
        const auto nccl_options = c10d::ProcessGroupNCCL::Options::create();
        nccl_options->timeout = std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout));
        const auto backend =
            c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.world_size, nccl_options);
        *backend_pointer = backend.get();
        return backend;
      },
      [backend_pointer, timeout = options.timeout](c10d::Work& work) {
        return WaitOnHost(*backend_pointer, timeout, work);
      });
}

}  // namespace cohort::model
