// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_COLLECTIVE_H_
#define COHORT_COORDINATOR_SIMULATION_COLLECTIVE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/simulation/witness.h"

namespace cohort::coordinator {

// Where the ranks of a gang meet at every step, as in an all-reduce: nobody goes on before all are there with the same
// plan. Not thread-safe; the witness must outlive it.
class Collective final {
 public:
  explicit Collective(Witness* witness) : witness_(witness) {}

  // `go_on` is called when all ranks of this incarnation are there.
  void Arrive(const cohort::v1::JoinGangResponse& place, const cohort::v1::StepPlan& plan,
              std::function<void()> go_on) {
    Meeting& meeting = meetings_[{place.job(), place.incarnation(), plan.version()}];
    const std::string bytes = DeterministicBytes(plan);
    if (meeting.ranks.empty()) meeting.plan = bytes;
    if (meeting.plan != bytes) {
      witness_->Violated(absl::StrCat("ranks of ", place.job(), " have different plans of version ", plan.version()));
    }
    meeting.ranks[place.rank()] = std::move(go_on);
    if (static_cast<int32_t>(meeting.ranks.size()) < place.world_size()) return;
    for (const auto& [rank, next] : std::exchange(meeting.ranks, {})) next();
  }

 private:
  struct Meeting {
    std::string plan;
    std::map<int32_t, std::function<void()>> ranks;
  };
  std::map<std::tuple<std::string, int64_t, int64_t>, Meeting> meetings_;
  Witness* const witness_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_COLLECTIVE_H_
