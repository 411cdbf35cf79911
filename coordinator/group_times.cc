// SPDX-License-Identifier: Apache-2.0
#include "coordinator/group_times.h"

#include <google/protobuf/timestamp.pb.h>

#include <initializer_list>

#include "common/config/proto_time.h"

namespace cohort::coordinator {
namespace {

using google::protobuf::Timestamp;

// Null stands for a time that is not said.
bool IsInOrder(std::initializer_list<const Timestamp*> times) {
  const Timestamp* last = nullptr;
  for (const Timestamp* time : times) {
    if (time == nullptr) continue;
    if (time->seconds() == 0 || !common::IsInRange(*time)) return false;
    if (last != nullptr && common::FromProtoTimestamp(*time) < common::FromProtoTimestamp(*last)) return false;
    last = time;
  }
  return true;
}

bool IsPlausible(const cohort::v1::GroupTimings& timings) {
  if (!timings.has_claimed_time() || timings.has_sampling_begin_time() != timings.has_sampling_end_time()) return false;
  if (timings.has_scoring_begin_time() != timings.has_scoring_end_time()) return false;
  const cohort::v1::WeightFetch& fetch = timings.fetch();
  const bool is_fetch_plausible =
      !timings.has_fetch() || (fetch.policy_version() >= 0 && fetch.num_bytes() >= 0 && fetch.has_begin_time() &&
                               fetch.has_end_time() && IsInOrder({&fetch.begin_time(), &fetch.end_time()}));
  const auto sampling = timings.has_sampling_begin_time();
  const auto scoring = timings.has_scoring_begin_time();
  return is_fetch_plausible && IsInOrder({&timings.claimed_time(), sampling ? &timings.sampling_begin_time() : nullptr,
                                          sampling ? &timings.sampling_end_time() : nullptr,
                                          scoring ? &timings.scoring_begin_time() : nullptr,
                                          scoring ? &timings.scoring_end_time() : nullptr});
}

}  // namespace

void AddGroupTimes(const GroupTimes& times, cohort::v1::RolloutGroup* group) {
  if (!IsPlausible(group->timings())) group->clear_timings();
  cohort::v1::GroupTimings& timings = *group->mutable_timings();
  timings.clear_admitted_time();
  timings.clear_leased_time();
  if (times.admitted.has_value())
    *timings.mutable_admitted_time() = common::ToProtoTimestamp(times.now.At(*times.admitted));
  if (times.leased.has_value()) *timings.mutable_leased_time() = common::ToProtoTimestamp(times.now.At(*times.leased));
  *timings.mutable_accepted_time() = common::ToProtoTimestamp(times.now.time());
}

}  // namespace cohort::coordinator
