// SPDX-License-Identifier: Apache-2.0
#include "learner/start_state.h"

#include <ATen/ops/tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "kernels/torch/torch_status.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/checkpoint/train_state_file.h"
#include "learner/flat_layout.h"
#include "learner/run_together.h"
#include "model/precision.h"
#include "model/spec_precision.h"

namespace cohort::learner {
namespace {

// What the files hold is wrong; everything else (memory, permissions) says nothing about the checkpoint.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsNotFound(status) || absl::IsInvalidArgument(status);
}

// Newest first; the checkpoint that the coordinator named before the others.
std::vector<SealedFolder> Candidates(const cohort::v1::JoinGangResponse& place) {
  std::vector<SealedFolder> candidates;
  if (place.resume_checkpoint().empty()) return candidates;
  candidates.push_back({.policy_version = place.resume_version(), .path = place.resume_checkpoint()});
  for (SealedFolder& folder : ListSealedFolders(place.checkpoint_directory())) {
    if (folder.policy_version < place.resume_version()) candidates.push_back(std::move(folder));
  }
  return candidates;
}

// One rank's search.
class StartSearch final {
 public:
  StartSearch(const cohort::v1::JoinGangResponse& place, const RankPlace& rank_place, const at::Device& device)
      : place_(place),
        rank_place_(rank_place),
        device_(device),
        precision_(model::PrecisionOf(place.spec().model().precision())),
        spec_digest_(SpecDigest(place.spec())),
        candidates_(Candidates(place)) {}

  // Loads the newest valid state up to `newest`, unless that is what was loaded before.
  absl::Status Load(int64_t newest) {
    if (state_.parameters != nullptr && state_.policy_version <= newest) return absl::OkStatus();
    state_ = TrainState();
    for (; next_ < candidates_.size(); ++next_) {
      const SealedFolder& candidate = candidates_[next_];
      if (candidate.policy_version > newest) continue;
      absl::StatusOr<TrainState> loaded =
          LoadCheckpoint(candidate.path, {.policy_version = candidate.policy_version, .spec_digest = spec_digest_},
                         place_.spec().optimizer(), device_, rank_place_, precision_);
      if (loaded.ok()) {
        ++next_;
        state_ = *std::move(loaded);
        return absl::OkStatus();
      }
      if (!IsDamage(loaded.status())) return loaded.status();
      damaged_.push_back(candidate);
      complaints_.push_back(std::string(loaded.status().message()));
    }
    absl::StatusOr<TrainState> initial =
        CreateTrainState(place_.model_path(), place_.spec().optimizer(), device_, rank_place_, precision_);
    if (!initial.ok()) {
      std::string message(initial.status().message());
      for (const std::string& complaint : complaints_) absl::StrAppend(&message, "; ", complaint);
      return absl::Status(initial.status().code(), message);
    }
    state_ = *std::move(initial);
    return absl::OkStatus();
  }

  TrainState& state() { return state_; }
  const std::vector<SealedFolder>& damaged() const { return damaged_; }
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  const cohort::v1::JoinGangResponse& place_;
  const RankPlace rank_place_;
  const at::Device device_;
  const model::Precision precision_;
  const std::string spec_digest_;
  const std::vector<SealedFolder> candidates_;
  size_t next_ = 0;
  TrainState state_;
  std::vector<SealedFolder> damaged_;
  std::vector<std::string> complaints_;  // beside damaged_
};

struct Extremes {
  int64_t smallest = 0;
  int64_t largest = 0;
};

absl::StatusOr<Extremes> OverRanks(model::ProcessGroup* group, const at::Device& device, int64_t value) {
  Extremes extremes;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("versions of the ranks", [&] {
    at::Tensor values = at::tensor({-value, value}, at::kLong).to(device);
    COHORT_RETURN_IF_ERROR(group->AllReduceMax(values));
    extremes = {.smallest = -values[0].item<int64_t>(), .largest = values[1].item<int64_t>()};
    return absl::OkStatus();
  }));
  return extremes;
}

void ReportDamage(const cohort::v1::JoinGangResponse& place, const StartSearch& search, int64_t resumed_version,
                  LearnerMetrics* metrics) {
  for (size_t i = 0; i < search.damaged().size(); ++i) {
    const SealedFolder& folder = search.damaged()[i];
    metrics->RecordDamagedCheckpoint(place.job());
    std::string set_aside;
    // The other ranks have read what they wanted.
    if (place.rank() == 0) {
      const absl::StatusOr<std::string> moved = SetAside(folder.path);
      set_aside = moved.ok() ? *moved : std::string(moved.status().message());
    }
    log::Error("checkpoint damaged", {{"job", place.job()},
                                      {"rank", place.rank()},
                                      {"policy_version", folder.policy_version},
                                      {"reason", search.complaints()[i]},
                                      {"set_aside", set_aside},
                                      {"resumed_version", resumed_version}});
  }
}

}  // namespace

absl::StatusOr<TrainState> LoadStartState(const cohort::v1::JoinGangResponse& place, const at::Device& device,
                                          model::ProcessGroup* group, LearnerMetrics* metrics) {
  StartSearch search(place, {.rank = group->rank(), .world_size = group->world_size()}, device);
  Extremes loaded{.smallest = place.resume_version(), .largest = place.resume_version() + 1};
  while (loaded.smallest < loaded.largest) {
    const int64_t newest = loaded.smallest;
    COHORT_RETURN_IF_ERROR(RunTogether(group, device, [&] { return search.Load(newest); }));
    COHORT_ASSIGN_OR_RETURN(loaded, OverRanks(group, device, search.state().policy_version));
  }
  ReportDamage(place, search, loaded.smallest, metrics);
  return std::move(search.state());
}

}  // namespace cohort::learner
