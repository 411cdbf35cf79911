// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PARALLEL_C10D_PROCESS_GROUP_H_
#define COHORT_MODEL_PARALLEL_C10D_PROCESS_GROUP_H_

#include <functional>
#include <memory>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "absl/status/statusor.h"
#include "model/parallel/process_group.h"

namespace cohort::model {

// Builds a backend on the gang's store. May throw what c10d throws.
using MakeBackend = std::function<c10::intrusive_ptr<c10d::Backend>(const c10::intrusive_ptr<c10d::Store>& store)>;
// Waits for a collective. May throw what c10d throws.
using WaitForWork = std::function<absl::Status(c10d::Work& work)>;

// The process group of a c10d backend: connects to the store of `options` and turns c10d's exceptions into statuses.
absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateC10dProcessGroup(const ProcessGroupOptions& options,
                                                                     const MakeBackend& make_backend,
                                                                     WaitForWork wait_for_work);

}  // namespace cohort::model

#endif  // COHORT_MODEL_PARALLEL_C10D_PROCESS_GROUP_H_
