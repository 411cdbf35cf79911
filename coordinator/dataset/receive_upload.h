// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_RECEIVE_UPLOAD_H_
#define COHORT_COORDINATOR_DATASET_RECEIVE_UPLOAD_H_

#include <functional>

#include "absl/status/statusor.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/dataset/dataset_store.h"

namespace cohort::coordinator {

// JobService.UploadDataset: takes the messages that `read` gives until it returns false. A file that is there already
// is not read to its end. INVALID_ARGUMENT names the field.
absl::StatusOr<cohort::v1::UploadDatasetResponse> ReceiveUpload(
    DatasetStore* store, const std::function<bool(cohort::v1::UploadDatasetRequest*)>& read);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_RECEIVE_UPLOAD_H_
