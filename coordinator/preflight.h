// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PREFLIGHT_H_
#define COHORT_COORDINATOR_PREFLIGHT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "coordinator/dataset/dataset_roots.h"
#include "reward/sandbox/zygote.h"

namespace cohort::coordinator {

// Where preflight looks and what it may use.
struct PreflightOptions {
  DatasetRoots roots;
  reward::Zygote* zygote = nullptr;  // must outlive the check
  int num_children = 4;              // rows checked at once
  int64_t rank_memory_bytes = 0;     // of one learner rank; 0: not known
};

// What can be checked before any processor is taken: the model folder is whole, every row can be read and fits into the
// context, every verifier accepts the ground truth of every row, a learner rank has the memory. Returns the spec with
// the defaults that depend on the model. INVALID_ARGUMENT names the field, file, row and value. `spec` is resolved. Of
// a RESCORE job, which has no model, the rubric is held against the rows of `evaluation.data` (rescore_data.h);
// `model_path` has their chat template.
absl::StatusOr<cohort::v1::JobSpec> CheckAgainstFiles(const cohort::v1::JobSpec& spec, const std::string& model_path,
                                                      const PreflightOptions& options);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PREFLIGHT_H_
