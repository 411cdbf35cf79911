// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/open_row_reader.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/dataset/jsonl_row_reader.h"
#include "coordinator/dataset/row_index_store.h"

namespace cohort::coordinator {
namespace {

// The status of a file, by the field that names it.
absl::Status AtField(const std::string& field, const std::string& value, const absl::Status& status) {
  const absl::Status invalid = common::InvalidField(field, value, std::string(status.message()));
  if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status)) return invalid;
  absl::Status gone(status.code(), invalid.message());
  invalid.ForEachPayload([&gone](absl::string_view url, const absl::Cord& payload) { gone.SetPayload(url, payload); });
  return gone;
}

JsonlOptions OptionsOf(const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots) {
  return {.max_rows = spec.max_rows(), .files = roots.files, .indices = roots.indices, .is_stopped = roots.is_stopped};
}

absl::StatusOr<std::unique_ptr<RowReader>> OpenPath(const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots) {
  const auto path = common::ResolvePath(roots.data_root, spec.jsonl().path());
  if (!path.ok()) {
    return common::InvalidField("jsonl.path", spec.jsonl().path(), std::string(path.status().message()));
  }
  auto rows = OpenJsonlRowReader(*path, OptionsOf(spec, roots));
  return rows.ok() ? std::move(rows) : AtField("jsonl.path", spec.jsonl().path(), rows.status());
}

absl::StatusOr<std::unique_ptr<RowReader>> OpenUpload(const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots) {
  const std::string& sha256 = spec.uploaded().sha256();
  if (roots.uploads == nullptr) {
    return common::InvalidField("uploaded.sha256", sha256, "there are no uploaded files here");
  }
  const auto path = roots.uploads->Use(roots.name_space, sha256);
  if (!path.ok()) return AtField("uploaded.sha256", sha256, path.status());
  // What the rows are is said by the name of the file and how many of them are taken.
  JsonlOptions options = OptionsOf(spec, roots);
  options.digest = common::Sha256Of(absl::StrCat(sha256, " ", spec.max_rows()));
  auto rows = OpenJsonlRowReader(*path, options);
  return rows.ok() ? std::move(rows) : AtField("uploaded.sha256", sha256, rows.status());
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowReader>> OpenRowReader(const cohort::v1::DatasetSpec& spec,
                                                         const DatasetRoots& roots) {
  switch (spec.reader_case()) {
    case cohort::v1::DatasetSpec::kJsonl:
      return OpenPath(spec, roots);
    case cohort::v1::DatasetSpec::kUploaded:
      return OpenUpload(spec, roots);
    case cohort::v1::DatasetSpec::READER_NOT_SET:
      break;
  }
  return common::InvalidField("jsonl", "", "a dataset needs a reader");
}

std::optional<std::string> IndexNameOf(const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots) {
  if (spec.has_uploaded()) {
    if (roots.uploads == nullptr) return std::nullopt;
    return RowIndexStore::NameOf(roots.uploads->PathOf(roots.name_space, spec.uploaded().sha256()), spec.max_rows());
  }
  const auto path = common::ResolvePath(roots.data_root, spec.jsonl().path());
  if (!path.ok()) return std::nullopt;
  return RowIndexStore::NameOf(*path, spec.max_rows());
}

std::string ReaderText(const cohort::v1::DatasetSpec& spec) {
  return spec.has_uploaded() ? spec.uploaded().sha256() : spec.jsonl().path();
}

}  // namespace cohort::coordinator
