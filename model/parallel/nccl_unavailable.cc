// SPDX-License-Identifier: Apache-2.0
#include "model/parallel/process_group.h"

namespace cohort::model {

absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateNcclProcessGroup(const ProcessGroupOptions&, const at::Device&) {
  return absl::UnimplementedError("NCCL: this binary was built without --config=cuda");
}

}  // namespace cohort::model
