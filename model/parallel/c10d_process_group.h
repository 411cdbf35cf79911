// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PARALLEL_C10D_PROCESS_GROUP_H_
#define COHORT_MODEL_PARALLEL_C10D_PROCESS_GROUP_H_

#include <functional>
#include <memory>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

#include "absl/status/statusor.h"
#include "model/parallel/process_group.h"

namespace cohort::model {

// What differs between the backends of c10d. The functions may throw what c10d throws.
struct C10dBackend {
  // Builds the backend on the gang's store, when every rank has arrived there.
  std::function<c10::intrusive_ptr<c10d::Backend>(const c10::intrusive_ptr<c10d::Store>& store)> make;
  // Waits for a collective; must not return OK for one that failed.
  std::function<absl::Status(c10d::Work& work)> wait;
  // A reduce-scatter of the backend costs a whole all-reduce and a copy: an all-reduce in place is made instead.
  bool scatters_by_all_reduce = false;
  // GPU of the barrier, where the backend would guess one from the rank; empty: none.
  std::vector<int64_t> barrier_devices;
};

// The process group of a c10d backend: connects to the store of `options`, waits there until all ranks have arrived,
// and turns c10d's exceptions into statuses. The first collective that fails aborts the backend and breaks the group.
absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateC10dProcessGroup(const ProcessGroupOptions& options,
                                                                     C10dBackend backend);

}  // namespace cohort::model

#endif  // COHORT_MODEL_PARALLEL_C10D_PROCESS_GROUP_H_
