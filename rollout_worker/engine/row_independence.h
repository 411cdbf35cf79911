// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_ROW_INDEPENDENCE_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_ROW_INDEPENDENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/decoder.h"

namespace cohort::rollout_worker {

// Weight shapes "OUTxIN" of the decoder for which a row of at::linear has other bits in a batch of `max_rows` than in a
// batch of 8, the smallest that is ever computed. Empty: log-probs cannot depend on what is decoded together.
absl::StatusOr<std::vector<std::string>> FindRowDependentShapes(const model::Decoder& decoder, int64_t max_rows);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_ROW_INDEPENDENCE_H_
