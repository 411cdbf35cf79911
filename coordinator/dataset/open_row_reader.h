// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_OPEN_ROW_READER_H_
#define COHORT_COORDINATOR_DATASET_OPEN_ROW_READER_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/data_spec.pb.h"
#include "coordinator/dataset/row_reader.h"

namespace cohort::coordinator {

// Opens what `spec.reader` names; relative paths are taken from `data_root`. Errors name the field
// and the path: INVALID_ARGUMENT when the file is not what it must be, else the code of what went wrong with it
// (NOT_FOUND).
absl::StatusOr<std::unique_ptr<RowReader>> OpenRowReader(const cohort::v1::DatasetSpec& spec,
                                                         std::string_view data_root);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_OPEN_ROW_READER_H_
