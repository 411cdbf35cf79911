// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PATH_CONFINEMENT_H_
#define COHORT_COORDINATOR_PATH_CONFINEMENT_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Which folders the paths in job files may lead into: a job is not to read what its submitter could not, with the
// rights of the coordinator, a worker or a rank. Immutable, thread-safe.
class PathConfinement final {
 public:
  // What a coordinator keeps for all namespaces.
  struct OwnFolders {
    std::vector<std::string> state;  // job store, rollouts, uploads
    std::string checkpoint_root;     // <checkpoint_root>/<namespace>/...; empty: there is none
  };

  // Relative paths of models start at `model_root`, all others at `data_root`; both, and `allowed_roots`, may be led
  // into, but not where they hold a folder of `own`: a job may name its namespace's part of the checkpoint root alone.
  // A root that is such a folder, or lies in one, may be led into. Folders may be relative and need not exist.
  PathConfinement(const std::string& model_root, const std::string& data_root,
                  const std::vector<std::string>& allowed_roots, const OwnFolders& own = {});

  // INVALID_ARGUMENT names the field and value of the first path that leads elsewhere after ".." and symbolic links
  // have been followed: model folder, datasets, catalogues, working directories of command verifiers and programs named
  // by a path. A program without a slash is looked up by the worker and allowed. Paths that do not exist are judged by
  // the part that does. Links that change after the check are not seen: the roots must not be writable for submitters.
  absl::Status Check(const cohort::v1::JobSpec& spec, std::string_view name_space) const;

 private:
  // One check of a job of the namespace.
  struct Job;

  const std::filesystem::path model_root_;
  const std::filesystem::path data_root_;
  // Links followed.
  const std::vector<std::filesystem::path> roots_;
  const std::vector<std::filesystem::path> state_;
  const std::filesystem::path checkpoint_root_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PATH_CONFINEMENT_H_
