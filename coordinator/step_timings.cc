// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_timings.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/strings/str_cat.h"
#include "common/config/proto_time.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

constexpr int kMaxPhases = 32;
constexpr size_t kMaxPhaseBytes = 32;

absl::Status CheckPhase(const cohort::v1::PhaseTiming& phase) {
  if (phase.phase().empty() || phase.phase().size() > kMaxPhaseBytes) {
    return common::InvalidField("phase", phase.phase(), absl::StrCat("needs 1 to ", kMaxPhaseBytes, " bytes"));
  }
  const bool is_in_range = common::IsInRange(phase.begin_time()) && common::IsInRange(phase.end_time()) &&
                           common::IsInRange(phase.busy_time());
  if (!is_in_range || common::FromProtoTimestamp(phase.end_time()) < common::FromProtoTimestamp(phase.begin_time())) {
    return common::InvalidField("phase", phase.phase(), "needs an end_time that is not before its begin_time");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRankTimings(const cohort::v1::CommitStepRequest& request, int32_t world_size) {
  for (int i = 0; i < request.rank_timings_size(); ++i) {
    const cohort::v1::RankTimings& rank = request.rank_timings(i);
    const std::string field = absl::StrCat("rank_timings[", i, "]");
    const int32_t last = i == 0 ? -1 : request.rank_timings(i - 1).rank();
    if (rank.rank() <= last || rank.rank() >= world_size) {
      return common::InvalidField(absl::StrCat(field, ".rank"), absl::StrCat(rank.rank()),
                                  absl::StrCat("needs ranks in order, below ", world_size));
    }
    if (rank.phases_size() > kMaxPhases) {
      return common::InvalidField(absl::StrCat(field, ".phases"), absl::StrCat(rank.phases_size()),
                                  absl::StrCat("must be at most ", kMaxPhases));
    }
    for (int p = 0; p < rank.phases_size(); ++p) {
      COHORT_RETURN_IF_ERROR(common::PrefixField(CheckPhase(rank.phases(p)), absl::StrCat(field, ".phases[", p, "]")));
    }
  }
  return absl::OkStatus();
}

cohort::v1::StepTimings TimingsOfStep(const cohort::v1::CommitStepRequest& request, const cohort::v1::StepPlan& plan,
                                      std::optional<absl::Time> planned) {
  cohort::v1::StepTimings timings;
  if (planned.has_value()) *timings.mutable_planned_time() = common::ToProtoTimestamp(*planned);
  for (const cohort::v1::PlannedGroup& group : plan.groups()) timings.add_group_ids(group.group_id());
  *timings.mutable_ranks() = request.rank_timings();
  return timings;
}

}  // namespace cohort::coordinator
