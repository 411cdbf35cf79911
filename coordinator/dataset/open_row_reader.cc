// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/open_row_reader.h"

#include "absl/strings/cord.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "coordinator/dataset/jsonl_row_reader.h"

namespace cohort::coordinator {

absl::StatusOr<std::unique_ptr<RowReader>> OpenRowReader(const cohort::v1::DatasetSpec& spec,
                                                         std::string_view data_root) {
  switch (spec.reader_case()) {
    case cohort::v1::DatasetSpec::kJsonl: {
      const auto path = common::ResolvePath(data_root, spec.jsonl().path());
      if (!path.ok()) {
        return common::InvalidField("jsonl.path", spec.jsonl().path(), std::string(path.status().message()));
      }
      auto rows = OpenJsonlRowReader(*path, spec.max_rows());
      if (rows.ok()) return rows;
      const absl::Status invalid =
          common::InvalidField("jsonl.path", spec.jsonl().path(), std::string(rows.status().message()));
      if (absl::IsInvalidArgument(rows.status()) || absl::IsFailedPrecondition(rows.status())) return invalid;
      absl::Status gone(rows.status().code(), invalid.message());
      invalid.ForEachPayload(
          [&gone](absl::string_view url, const absl::Cord& payload) { gone.SetPayload(url, payload); });
      return gone;
    }
    case cohort::v1::DatasetSpec::READER_NOT_SET:
      break;
  }
  return common::InvalidField("jsonl", "", "a dataset needs a reader");
}

}  // namespace cohort::coordinator
