// SPDX-License-Identifier: Apache-2.0
#include "learner/step_refusal.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "learner/number_reduction.h"
#include "learner/parameter_exchange.h"
#include "learner/run_together.h"
#include "learner/sequence_search.h"
#include "model/parameter_map.h"

namespace cohort::learner {

std::string StepRefusal::Where(int64_t update) const {
  return absl::StrCat("train step ", state_->policy_version, " -> ", state_->policy_version + 1, " update ", update);
}

absl::Status StepRefusal::Refuse(const absl::Status& met, FailedUpdate failed) const {
  COHORT_ASSIGN_OR_RETURN(failed.ranks, RanksThatMet(met));
  return Stop(met, std::move(failed));
}

// Either ranks met a loss that is not finite, or none did.
absl::Status StepRefusal::RefuseGradient(const UpdateData& data, FailedUpdate failed, double norm, absl::Status met,
                                         PhaseTimer* timer) const {
  COHORT_ASSIGN_OR_RETURN(failed.ranks, RanksThatMet(met));
  if (failed.ranks.empty() && state_->layers == nullptr) {
    const absl::Status together = Together([&] {
      met = SearchGradient(data, *failed.prepared, norm, timer);
      return absl::OkStatus();
    });
    if (met.ok()) COHORT_RETURN_IF_ERROR(together);
    COHORT_ASSIGN_OR_RETURN(failed.ranks, RanksThatMet(met));
  }
  if (failed.ranks.empty()) {
    met = absl::InvalidArgumentError(
        state_->layers == nullptr
            ? GradientComplaint(norm, {})
            : absl::StrCat("the gradient is not finite (norm ", norm,
                           "); which sequence is to blame only a replay says, since ranks share the layers"));
    for (int rank = 0; rank < group_->world_size(); ++rank) failed.ranks.push_back(rank);
  }
  return Stop(met, std::move(failed));
}

// INVALID_ARGUMENT names the sequences of this rank that are to blame. A search that fails finds none.
absl::Status StepRefusal::SearchGradient(const UpdateData& data, const PreparedUpdate& prepared, double norm,
                                         PhaseTimer* timer) const {
  const auto labels =
      SequencesWithoutFiniteGradient(prepared, data.sequences, [&](const PreparedUpdate& update, size_t index) {
        return microbatch_->NormAlone(data.sequences, update, index, timer);
      });
  if (!labels.ok()) {
    log::Warning("search for the sequence failed",
                 {{"policy_version", state_->policy_version}, {"reason", labels.status()}});
    return absl::OkStatus();
  }
  return labels->empty() ? absl::OkStatus() : absl::InvalidArgumentError(GradientComplaint(norm, *labels));
}

// The ranks whose status is not OK, on every rank at the same time. Such a rank gets an answer in any case: without its
// peers it is the only one.
absl::StatusOr<std::vector<int>> StepRefusal::RanksThatMet(const absl::Status& met) const {
  auto ranks = RanksThat(!met.ok(), group_, state_->parameters->device());
  if (!ranks.ok() && !met.ok()) return std::vector<int>{group_->rank()};
  return ranks;
}

// The ranks' shares of an update differ by as much as their sequences do.
absl::Status StepRefusal::Together(const std::function<absl::Status()>& work) const {
  return RunTogether(group_, state_->parameters->device(), work);
}

absl::Status StepRefusal::Stop(const absl::Status& met, FailedUpdate failed) const {
  failed.message = absl::StrCat(Where(failed.update), ": ", std::string(met.message()));
  std::string kept;
  if (keep_ != nullptr) {
    // Without the peers there are no weights to be kept, but still a message.
    const absl::StatusOr<model::ParameterMap> weights =
        ParameterExchange(group_, state_).GatherParameters(failed.ranks.front());
    if (weights.ok() && failed.ranks.front() == group_->rank()) failed.weights = &*weights;
    // What a rank keeps may be as large as the weights, and its peers do not time out meanwhile.
    const auto keep = [&] {
      if (!met.ok()) kept = keep_(failed);
      return absl::OkStatus();
    };
    // A rank that could not gather has left its peers in a collective: it must not begin another.
    if (!weights.ok()) keep().IgnoreError();
    const absl::Status together = weights.ok() ? Together(keep) : weights.status();
    if (met.ok()) COHORT_RETURN_IF_ERROR(together);
  }
  if (!met.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(failed.message, kept.empty() ? "" : "; kept in ", kept));
  }
  // Those that met it leave to say what it is, which ends the wait.
  COHORT_RETURN_IF_ERROR(group_->Barrier());
  return absl::InvalidArgumentError(
      absl::StrCat(Where(failed.update), ": another rank met a number that is not finite"));
}

}  // namespace cohort::learner
