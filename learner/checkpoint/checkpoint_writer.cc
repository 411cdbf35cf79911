// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint_writer.h"

#include <chrono>
#include <utility>

namespace cohort::learner {

void CheckpointWriter::Start(int64_t policy_version, std::function<absl::Status()> write) {
  (void)Finish();  // whoever wants to know has asked before
  version_ = policy_version;
  writing_ = std::async(std::launch::async, std::move(write));
}

bool CheckpointWriter::IsBusy() const {
  return writing_.valid() && writing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

absl::Status CheckpointWriter::Finish() {
  if (!writing_.valid()) return status_;
  status_ = writing_.get();
  if (status_.ok()) sealed_version_ = version_;
  return status_;
}

}  // namespace cohort::learner
