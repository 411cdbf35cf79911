// SPDX-License-Identifier: Apache-2.0
#include <c10/cuda/CUDAFunctions.h>
#include <c10/util/env.h>

#include <chrono>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <utility>

#include "model/parallel/c10d_process_group.h"
#include "model/parallel/process_group.h"
#include "model/parallel/work_wait.h"

namespace cohort::model {

absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateNcclProcessGroup(const ProcessGroupOptions& options,
                                                                     const at::Device& device) {
  C10dBackend backend;
  backend.make = [options, device](const c10::intrusive_ptr<c10d::Store>& store) -> c10::intrusive_ptr<c10d::Backend> {
    // Without this a watchdog thread of c10d sees the same error or timeout as we do and ends the process with SIGABRT,
    // where a status is due and an orderly exit with its own code. c10d has no other switch for it.
    c10::utils::set_env("TORCH_NCCL_BLOCKING_WAIT", "1");
    c10::cuda::set_device(device.index());
    const auto nccl_options = c10d::ProcessGroupNCCL::Options::create();
    nccl_options->timeout = std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout));
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.world_size, nccl_options);
  };
  backend.wait = [timeout = options.timeout](c10d::Work& work) { return WaitOnHost(work, timeout); };
  backend.barrier_devices = {device.index()};
  return CreateC10dProcessGroup(options, std::move(backend));
}

}  // namespace cohort::model
