// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_RANDOM_WEIGHTS_H_
#define COHORT_MODEL_WEIGHTS_RANDOM_WEIGHTS_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "model/architectures/parameter_spec.h"
#include "model/weights/weight_files_writer.h"

namespace cohort::model {

// How weights are stored.
struct WeightFormat {
  std::string dtype = "F32";  // or "BF16": rounded to the nearest, ties to even
  int64_t max_shard_bytes = kMaxShardBytes;
};

// INVALID_ARGUMENT unless random weights can be stored so.
absl::Status CheckWeightFormat(const WeightFormat& format);

// Bytes of the parameters' values.
int64_t WeightBytes(const std::vector<ParameterSpec>& parameters, const WeightFormat& format);

// Writes weight files into an existing folder: matrices drawn from N(0, scale), norms 1, biases 0. Element i of the
// p-th parameter is a function of (seed, p, i) alone, whatever the format and the number of threads. All processors
// draw; memory for 64 MiB of weights is used, however large the model. Errors as WriteWeightFiles.
absl::Status WriteRandomWeights(std::string_view directory, const std::vector<ParameterSpec>& parameters, double scale,
                                uint64_t seed, const WeightFormat& format);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_RANDOM_WEIGHTS_H_
