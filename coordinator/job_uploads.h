// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_UPLOADS_H_
#define COHORT_COORDINATOR_JOB_UPLOADS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/dataset/dataset_roots.h"

namespace cohort::coordinator {

// NOT_FOUND names the field and the digest of an uploaded file that is not there. Those that are count as used now.
absl::Status CheckUploads(const cohort::v1::JobSpec& spec, const DatasetRoots& roots);

// Removes uploaded files, and stored indices of dataset files, once a day: those that no job of the store names,
// whatever its state, and that were not used for a day. A file that is uploaded, checked or opened is used, so one day
// lies between an upload and its job. Not thread-safe; the context must outlive it.
class UploadSweep final {
 public:
  explicit UploadSweep(const CoordinatorContext* context) : context_(context) {}

  // Time has passed. What cannot be done now is done a day later.
  void Tick();

 private:
  const CoordinatorContext* const context_;
  absl::Duration next_ = absl::ZeroDuration();
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_UPLOADS_H_
