// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_handout.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {

void StepHandout::StartGang(int64_t incarnation, int64_t resume_version, int32_t world_size) {
  EndGang();
  incarnation_ = incarnation;
  resume_version_ = resume_version;
  next_version_ = resume_version;
  confirmed_version_ = resume_version;
  world_size_ = world_size;
}

void StepHandout::EndGang() {
  incarnation_ = 0;
  resume_version_ = 0;
  next_version_ = 0;
  confirmed_version_ = 0;
  has_diverged_ = false;
  world_size_ = 0;
  stop_.reset();
  told_to_stop_.clear();
}

void StepHandout::ResumeFrom(int64_t version) {
  // A stop stays where it is: the ranks replay up to it.
  if (next_version_ == resume_version_ && !stop_.has_value()) next_version_ = version;
  resume_version_ = version;
  confirmed_version_ = version;
}

void StepHandout::PinStop(cohort::v1::StepPlan stop) {
  if (stop_.has_value()) return;
  stop.set_version(next_version_);
  stop.set_action(cohort::v1::STEP_ACTION_STOP);
  stop_ = std::move(stop);
}

bool StepHandout::AllToldToStop() const {
  return !HasGang() || (stop_.has_value() && static_cast<int32_t>(told_to_stop_.size()) == world_size_);
}

absl::StatusOr<StepHandout::Answer> StepHandout::Ask(int32_t rank, int64_t version, bool is_planned) {
  if (version < 0 || version > next_version_) {
    return absl::FailedPreconditionError(
        absl::StrCat("version: ahead of the gang (", version, "), the newest is ", next_version_));
  }
  if (version < next_version_) return Answer::kTrain;
  if (stop_.has_value()) {
    told_to_stop_.insert(rank);
    return Answer::kStop;
  }
  if (!is_planned) return Answer::kWait;
  ++next_version_;
  return Answer::kTrain;
}

}  // namespace cohort::coordinator
