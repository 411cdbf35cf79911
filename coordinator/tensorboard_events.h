// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TENSORBOARD_EVENTS_H_
#define COHORT_COORDINATOR_TENSORBOARD_EVENTS_H_

#include <string>
#include <vector>

#include "cohort/v1/job_service.pb.h"

namespace cohort::coordinator {

// File name of the events file, below the run folder.
inline constexpr char kTensorBoardFolder[] = "tensorboard";
inline constexpr char kTensorBoardFile[] = "events.out.tfevents.cohort";

// Bytes of a TensorBoard events file: TFRecord frames (length, masked CRC-32C of the length, content, masked CRC-32C of
// the content) of one event each. The same events give the same bytes. Pure functions.
//
// Frames of the steps and evaluations among `events`; other events have none.
std::string TensorBoardFrames(const std::vector<cohort::v1::JobEvent>& events);
// The frame that a file begins with, dated by the first step or evaluation. Empty when there is none.
std::string TensorBoardHeader(const std::vector<cohort::v1::JobEvent>& events);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TENSORBOARD_EVENTS_H_
