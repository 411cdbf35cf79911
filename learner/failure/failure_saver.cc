// SPDX-License-Identifier: Apache-2.0
#include "learner/failure/failure_saver.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/failure/failed_step.h"
#include "learner/failure/failed_step_folder.h"
#include "learner/failure/token_lists.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::learner {
namespace {

constexpr char kFolder[] = "failures";

// The sealed checkpoint of exactly these weights, from the run's folder on; empty: there is none. An update that was
// refused at the step's start has the step's, whichever it is.
std::string SealedWeights(const std::filesystem::path& checkpoints, const FailedUpdate& failed,
                          const FailingRank& rank) {
  if (failed.is_measured && failed.update > 0) return "";
  const std::filesystem::path sealed = SealedFolderPath(checkpoints.string(), rank.payload->plan.version());
  const absl::StatusOr<CheckpointManifest> manifest = ReadManifest(sealed.string());
  if (!manifest.ok() || manifest->weight_digest != common::HexOf(rank.digest)) return "";
  return (checkpoints.filename() / sealed.filename()).string();
}

}  // namespace

absl::StatusOr<std::string> SaveFailure(const FailedUpdate& failed, const FailingRank& rank) {
  const cohort::v1::JoinGangResponse& place = *rank.place;
  const auto own = std::find(failed.ranks.begin(), failed.ranks.end(), place.rank());
  if (own - failed.ranks.begin() >= kMaxSavingRanks) return "";
  const std::filesystem::path checkpoints = place.checkpoint_directory();
  FailedStep step;
  step.message = failed.message;
  step.update = failed.update;
  step.rank = place.rank();
  step.world_size = place.world_size();
  step.run.set_job(place.job());
  *step.run.mutable_spec() = place.spec();
  step.run.set_model_path(place.model_path());
  step.payload = *rank.payload;
  if (failed.is_measured) {
    step.statistics = failed.prepared->statistics;
    COHORT_ASSIGN_OR_RETURN(step.numbers, TokenListsOf(*failed.prepared));
  }
  step.weights = SealedWeights(checkpoints, failed, rank);
  WeightWriter write_weights;
  if (step.weights.empty()) {
    step.weights =
        absl::StrCat(kFolder, "/", FailedStepName(step.payload.plan.version(), failed.ranks.front()), "/model");
    if (own == failed.ranks.begin() && failed.weights != nullptr) {
      write_weights = [&](const std::string& directory) {
        return model::WriteModelFolder(directory, place.model_path(), *failed.weights);
      };
    }
  }
  const std::filesystem::path parent = checkpoints.parent_path() / kFolder;
  COHORT_ASSIGN_OR_RETURN(const std::filesystem::path path, WriteFailedStep(parent.string(), step, write_weights));
  return absl::StrCat(kFolder, "/", path.filename().string());
}

}  // namespace cohort::learner
