// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_VALIDATION_H_
#define COHORT_COORDINATOR_DATASET_VALIDATION_H_

#include "absl/status/status.h"
#include "cohort/v1/data_spec.pb.h"

namespace cohort::coordinator {

// INVALID_ARGUMENT names the field below `data`: no reader or file, a malformed digest, not one of prompt and messages,
// settings of the chat template without messages, or malformed ones. Reads no file.
absl::Status CheckData(const cohort::v1::DatasetSpec& data);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_VALIDATION_H_
