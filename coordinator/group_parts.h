// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GROUP_PARTS_H_
#define COHORT_COORDINATOR_GROUP_PARTS_H_

#include <cstdint>
#include <functional>

#include "cohort/v1/rollout.pb.h"

namespace cohort::coordinator {

// A group on the wire: parts of about `max_bytes`, each with whole rollouts and at least one; the fields of the group
// are in the first part. `send` gets each part and whether it is the last; false from it ends the walk and is returned.
bool SendInParts(const cohort::v1::RolloutGroup& group, int64_t max_bytes,
                 const std::function<bool(const cohort::v1::RolloutGroup& part, bool is_last)>& send);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GROUP_PARTS_H_
