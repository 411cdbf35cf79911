// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_OPEN_ROW_READER_H_
#define COHORT_COORDINATOR_DATASET_OPEN_ROW_READER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/data_spec.pb.h"
#include "coordinator/dataset/dataset_roots.h"
#include "coordinator/dataset/row_reader.h"

namespace cohort::coordinator {

// Opens what `spec.reader` names. Errors name the field and the file: INVALID_ARGUMENT when it is not what it must be,
// else the code of what went wrong with it (NOT_FOUND).
absl::StatusOr<std::unique_ptr<RowReader>> OpenRowReader(const cohort::v1::DatasetSpec& spec,
                                                         const DatasetRoots& roots);

// RowIndexStore::NameOf what OpenRowReader opens. Nullopt when the spec names no file that there could be.
std::optional<std::string> IndexNameOf(const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots);

// The file as the spec names it, for messages: a path, or the digest of an upload.
std::string ReaderText(const cohort::v1::DatasetSpec& spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_OPEN_ROW_READER_H_
