// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GROUP_BUFFER_H_
#define COHORT_COORDINATOR_GROUP_BUFFER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/group_record.h"

namespace cohort::coordinator {

// The admitted groups of one job that are neither trained nor dropped, and their moves:
//
//   Admit -> kWaiting -> Claim -> kInFlight -> SetScored -> kScored -> SetPlanned -> kPlanned -> Finish (trained)
//               ^                    |   any of the first three -> Drop
//               +------ Return ------+
//
// Training groups hold slots, at most `num_slots` of them: (S + 1) x P for lag S and P groups per step. Evaluation
// groups are bounded by the evaluation. A move from another state is FAILED_PRECONDITION and changes nothing; an
// unknown group is NOT_FOUND. Not thread-safe: guarded by its owner.
class GroupBuffer final {
 public:
  explicit GroupBuffer(int64_t num_slots) : num_slots_(num_slots) {}

  // RESOURCE_EXHAUSTED without a free slot. `group.state` may be kWaiting, kScored or kPlanned (after a restart).
  absl::Status Admit(GroupRecord group);
  // Nullptr when it is not here.
  const GroupRecord* Find(int64_t group_id) const;
  // Of the waiting groups whose version is in `versions` and which `is_skipped` (if given) does not skip, the one with
  // the lowest (version, id).
  const GroupRecord* NextWaiting(const std::set<int64_t>& versions,
                                 const std::function<bool(int64_t group_id)>& is_skipped = nullptr) const;

  // Raises the attempt.
  absl::Status Claim(int64_t group_id);
  // A lease ended without a scored group; `is_failure` counts it as a failed attempt.
  absl::Status Return(int64_t group_id, bool is_failure);
  // From kInFlight, or from kWaiting when the lease of a former coordinator epoch is honoured.
  absl::Status SetScored(const GroupRecord& scored);
  // By the plan of version `step`.
  absl::Status SetPlanned(int64_t group_id, int64_t step);
  // Frees the slot and forgets the group.
  absl::Status Finish(int64_t group_id);
  // The same for a group that is not planned.
  absl::Status Drop(int64_t group_id);

  // Training groups of a step in any state, by id.
  std::vector<const GroupRecord*> GroupsOfStep(int64_t step) const;
  // The `count` scored training groups that came first, in the order of the rollout log; fewer when there are not so
  // many.
  std::vector<const GroupRecord*> FirstArrived(int64_t count) const;
  // Training groups that are not planned and were sampled, or are to be, by a version in [first, last), by (version,
  // id).
  std::vector<const GroupRecord*> UnplannedOfVersions(int64_t first, int64_t last) const;
  int64_t NumUnplanned() const { return static_cast<int64_t>(unplanned_.size()); }
  // Evaluation groups in any state, by id.
  std::vector<const GroupRecord*> EvaluationGroups() const;
  // Lowest version that a waiting or leased group needs.
  std::optional<int64_t> OldestUnscoredVersion() const;
  int64_t NumInState(GroupState state) const;
  int64_t num_used_slots() const { return num_used_slots_; }
  int64_t num_free_slots() const { return num_slots_ - num_used_slots_; }

 private:
  using Key = std::pair<int64_t, int64_t>;  // (version, id)

  absl::StatusOr<GroupRecord*> FindInState(int64_t group_id, std::initializer_list<GroupState> states);
  void Move(GroupRecord* group, GroupState state);
  // Moves the group between the orders below, as the states say; touches none that it stays in.
  void Reorder(GroupRecord* group, GroupState from, GroupState to);
  void Erase(GroupRecord* group);
  int64_t& CountOf(GroupState state) { return counts_[static_cast<size_t>(state)]; }

  const int64_t num_slots_;
  int64_t num_used_slots_ = 0;
  std::map<int64_t, GroupRecord> groups_;
  std::set<Key> unscored_;
  std::map<Key, GroupRecord*> waiting_;
  std::set<Key> unplanned_;                                  // training groups
  std::set<std::tuple<int64_t, int64_t, int64_t>> arrived_;  // (segment, offset, id), scored training groups
  std::array<int64_t, 8> counts_{};                          // by state
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GROUP_BUFFER_H_
