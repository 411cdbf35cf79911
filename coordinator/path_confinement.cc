// SPDX-License-Identifier: Apache-2.0
#include "coordinator/path_confinement.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

namespace fs = std::filesystem;

// Absolute, with all links followed; of a path that does not exist, those of the part that does. Empty on an error.
fs::path Real(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path), error);
  return error ? fs::path() : real;
}

std::vector<fs::path> RealRoots(const std::vector<std::string>& roots) {
  std::vector<fs::path> real;
  for (const std::string& root : roots) {
    // Without the empty last part that a slash at the end makes.
    const fs::path path = Real(root.empty() ? "." : root);
    real.push_back(path.has_filename() ? path : path.parent_path());
  }
  return real;
}

bool IsWithin(const fs::path& root, const fs::path& path) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

// Parts of the deepest of the folders that the path is in; 0 when it is in none.
std::ptrdiff_t Depth(const std::vector<fs::path>& folders, const fs::path& path) {
  std::ptrdiff_t depth = 0;
  for (const fs::path& folder : folders) {
    if (IsWithin(folder, path)) depth = std::max(depth, std::distance(folder.begin(), folder.end()));
  }
  return depth;
}

std::vector<std::string> Join(const std::string& model_root, const std::string& data_root,
                              std::vector<std::string> further) {
  further.insert(further.begin(), {model_root, data_root});
  return further;
}

}  // namespace

struct PathConfinement::Job {
  const PathConfinement& confinement;
  const std::string name_space;

  absl::Status CheckPath(std::string_view field, const fs::path& root, const std::string& path) const;
  absl::Status CheckEnd(std::string_view field, const std::string& path, const fs::path& end) const;
  absl::Status CheckData(std::string_view field, const cohort::v1::DatasetSpec& data) const;
  absl::Status CheckReward(std::string_view field, const cohort::v1::RewardSpec& reward) const;
};

PathConfinement::PathConfinement(const std::string& model_root, const std::string& data_root,
                                 const std::vector<std::string>& allowed_roots, const OwnFolders& own)
    : model_root_(fs::absolute(model_root.empty() ? "." : model_root)),
      data_root_(fs::absolute(data_root.empty() ? "." : data_root)),
      roots_(RealRoots(Join(model_root, data_root, allowed_roots))),
      state_(RealRoots(own.state)),
      checkpoint_root_(own.checkpoint_root.empty() ? fs::path() : RealRoots({own.checkpoint_root}).front()) {}

absl::Status PathConfinement::Job::CheckEnd(std::string_view field, const std::string& path,
                                            const fs::path& end) const {
  const std::ptrdiff_t allowed = end.empty() ? 0 : Depth(confinement.roots_, end);
  if (allowed == 0) {
    return common::InvalidField(field, path,
                                "leads out of --model_root, --data_root and every --allowed_root of the coordinator");
  }
  std::vector<fs::path> own = confinement.state_;
  const fs::path& runs = confinement.checkpoint_root_;
  const bool is_of_namespace = !name_space.empty() && IsWithin(runs / name_space, end);
  if (!runs.empty() && !is_of_namespace) own.push_back(runs);
  if (Depth(own, end) <= allowed) return absl::OkStatus();
  return common::InvalidField(field, path,
                              "leads into the coordinator's --data_dir, or into --checkpoint_root and not to a run of "
                              "this namespace");
}

absl::Status PathConfinement::Job::CheckPath(std::string_view field, const fs::path& root,
                                             const std::string& path) const {
  if (path.empty()) return absl::OkStatus();
  // As the file system follows it, and with ".." taken by name, as ResolvePath takes it: behind a folder that is not
  // there, or a link, the two differ.
  COHORT_RETURN_IF_ERROR(CheckEnd(field, path, Real(Real(root / path))));
  return CheckEnd(field, path, Real((root / path).lexically_normal()));
}

absl::Status PathConfinement::Job::CheckData(std::string_view field, const cohort::v1::DatasetSpec& data) const {
  return CheckPath(absl::StrCat(std::string(field), ".data.jsonl.path"), confinement.data_root_, data.jsonl().path());
}

absl::Status PathConfinement::Job::CheckReward(std::string_view field, const cohort::v1::RewardSpec& reward) const {
  for (int i = 0; i < reward.verifiers_size(); ++i) {
    const cohort::v1::VerifierSpec& verifier = reward.verifiers(i);
    const std::string prefix = absl::StrCat(std::string(field), ".reward.verifiers[", i, "].");
    COHORT_RETURN_IF_ERROR(
        CheckPath(prefix + "ranking.catalogue_path", confinement.data_root_, verifier.ranking().catalogue_path()));
    const cohort::v1::CommandVerifier& command = verifier.command();
    COHORT_RETURN_IF_ERROR(
        CheckPath(prefix + "command.working_directory", confinement.data_root_, command.working_directory()));
    if (command.argv_size() == 0 || command.argv(0).find('/') == std::string::npos) continue;
    // It is started in its working directory.
    const std::string directory = fs::path(command.working_directory()).lexically_normal().string();
    COHORT_RETURN_IF_ERROR(CheckPath(prefix + "command.argv[0]", confinement.data_root_ / directory, command.argv(0)));
  }
  return absl::OkStatus();
}

absl::Status PathConfinement::Check(const cohort::v1::JobSpec& spec, std::string_view name_space) const {
  const Job job{.confinement = *this, .name_space = std::string(name_space)};
  COHORT_RETURN_IF_ERROR(job.CheckPath("model.path", model_root_, spec.model().path()));
  COHORT_RETURN_IF_ERROR(job.CheckData("rlvr", spec.rlvr().data()));
  COHORT_RETURN_IF_ERROR(job.CheckReward("rlvr", spec.rlvr().reward()));
  COHORT_RETURN_IF_ERROR(job.CheckData("sft", spec.sft().data()));
  COHORT_RETURN_IF_ERROR(job.CheckReward("rescore", spec.rescore().reward()));
  COHORT_RETURN_IF_ERROR(job.CheckData("evaluation", spec.evaluation().data()));
  return job.CheckReward("evaluation", spec.evaluation().reward());
}

}  // namespace cohort::coordinator
