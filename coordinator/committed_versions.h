// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COMMITTED_VERSIONS_H_
#define COHORT_COORDINATOR_COMMITTED_VERSIONS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_ledger.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Committed policy versions of one job, and version 0 once it was published: their digests and sealed checkpoints. What
// changes here is stored first, with Job.checkpoint_path. Not thread-safe: guarded by its owner; the pointers must
// outlive it.
class CommittedVersions final {
 public:
  CommittedVersions(const CoordinatorContext* context, JobLedger* ledger) : context_(context), ledger_(ledger) {}

  absl::Status Load();
  // Takes in a version that is stored already.
  void Set(const VersionRecord& record) { versions_[record.version] = record; }

  // Null when there is none.
  const VersionRecord* Find(int64_t version) const;
  bool IsSealed(int64_t version) const;
  // 0 without one.
  int64_t NewestSealed() const;
  // The newest sealed version up to `version` whose folder is there; an empty path and version 0 when there is none.
  VersionRecord NewestUsable(int64_t version) const;
  // The newest sealed version below `version`, and none older, if its folder is there; as above when it is not.
  VersionRecord UsableBefore(int64_t version) const;

  // Records the checkpoint of a version; `notice`, if any, becomes an event.
  absl::Status Seal(int64_t version, const std::string& path, const std::string& notice = "");
  // Versions from `first` to `last` do not count as sealed any more; `why` begins the event of each.
  absl::Status Unseal(int64_t first, int64_t last, const std::string& why);
  // Versions from `first` on have no digest any more, until a replay comes to them again: what is sealed of them later,
  // by a gang that is gone, is not adopted.
  absl::Status ForgetDigests(int64_t first);
  // Records checkpoints that ranks sealed on disk and nobody recorded: those of a committed version, with its digest.
  // FAILED_PRECONDITION names one that is newer than the store; then nothing has changed.
  absl::Status Adopt();

 private:
  // The newest sealed version below `version`; an empty path and version 0 when there is none.
  VersionRecord SealedBefore(int64_t version) const;

  const CoordinatorContext* const context_;
  JobLedger* const ledger_;
  std::map<int64_t, VersionRecord> versions_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COMMITTED_VERSIONS_H_
