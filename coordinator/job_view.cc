// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_view.h"

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "coordinator/deterministic_bytes.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kEtagBytes = 8;

}  // namespace

std::string EtagOf(const cohort::v1::Job& stored) {
  return common::HexOf(common::Sha256Of(DeterministicBytes(stored)).substr(0, kEtagBytes));
}

absl::Status CheckEtag(const cohort::v1::Job& stored, std::string_view etag) {
  if (etag.empty()) return absl::OkStatus();
  const std::string present = EtagOf(stored);
  if (etag == present) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("etag: the job has changed since it was read (", std::string(etag),
                                         "), it is now ", present, "; get it again"));
}

cohort::v1::Job StoredView(cohort::v1::Job stored) {
  const std::string etag = EtagOf(stored);
  stored.set_etag(etag);
  return stored;
}

}  // namespace cohort::coordinator
