// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ROW_INDEPENDENCE_H_
#define COHORT_MODEL_ROW_INDEPENDENCE_H_

#include "absl/status/status.h"
#include "model/decoder.h"

namespace cohort::model {

// Whether this machine's matrix products give a row the same bits in batches of 16, 24, 64 and 512 rows, tried on every
// weight shape of the model with the thread count in force. FAILED_PRECONDITION names the parameter whose product does
// not: then sampler and learner may differ in the last bits. For start-up; takes milliseconds for a small model.
absl::Status CheckRowIndependence(const Decoder& decoder);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ROW_INDEPENDENCE_H_
