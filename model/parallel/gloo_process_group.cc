// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>

#include "model/parallel/c10d_process_group.h"
#include "model/parallel/process_group.h"
#include "model/parallel/single_rank_group.h"

namespace cohort::model {
absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateGlooProcessGroup(const ProcessGroupOptions& options) {
  if (options.world_size == 1 && options.rank == 0) return std::make_unique<SingleRankGroup>();
  C10dBackend backend;
  backend.make = [options](const c10::intrusive_ptr<c10d::Store>& store) -> c10::intrusive_ptr<c10d::Backend> {
    const auto gloo_options =
        c10d::ProcessGroupGloo::Options::create(std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout)));
    gloo_options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(options.host)};
    gloo_options->threads = 1;  // collectives come one at a time
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.world_size, gloo_options);
  };
  backend.wait = [](c10d::Work& work) {
    return work.wait() ? absl::OkStatus() : absl::UnavailableError("Gloo: the collective was aborted");
  };
  backend.scatters_by_all_reduce = true;
  return CreateC10dProcessGroup(options, std::move(backend));
}

}  // namespace cohort::model
