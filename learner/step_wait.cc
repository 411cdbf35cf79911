// SPDX-License-Identifier: Apache-2.0
#include "learner/step_wait.h"

#include "absl/strings/str_cat.h"

namespace cohort::learner {
namespace {

constexpr int64_t kStepWaitSeconds = 5;
// A call that came back sooner than that did not wait: the next one does not follow at once.
constexpr absl::Duration kShortestPoll = absl::Milliseconds(100);

}  // namespace

absl::StatusOr<StepPayload> AwaitStep(const cohort::v1::JoinGangResponse& place, int64_t policy_version,
                                      const StepWait& wait) {
  cohort::v1::GetStepRequest request;
  request.set_job(place.job());
  request.set_incarnation(place.incarnation());
  request.set_rank(place.rank());
  request.set_world_size(place.world_size());
  request.set_version(policy_version);
  request.mutable_wait()->set_seconds(kStepWaitSeconds);
  while (true) {
    if (wait.membership->IsLost()) return absl::AbortedError("the gang was dissolved");
    if (wait.membership->IsAbandoned()) return absl::CancelledError("the coordinator is gone");
    const absl::Duration start = wait.clock->Monotonic();
    absl::StatusOr<StepPayload> payload = wait.client->GetStep(request);
    const absl::Duration elapsed = wait.clock->Monotonic() - start;
    // A coordinator that is there answers a poll without a plan with UNAVAILABLE; a call without any answer ends late.
    wait.metrics->AddIdleTime(absl::IsDeadlineExceeded(payload.status()) ? IdleReason::kCoordinator : IdleReason::kPlan,
                              elapsed);
    // CANCELLED: the membership ended the call, and says above why.
    if (absl::IsUnavailable(payload.status()) || absl::IsDeadlineExceeded(payload.status()) ||
        absl::IsCancelled(payload.status())) {
      if (elapsed < kShortestPoll) wait.pause(kShortestPoll);
      continue;
    }
    if (payload.ok() && payload->plan.version() != policy_version) {
      return absl::InternalError(
          absl::StrCat("step plan: version ", payload->plan.version(), " instead of ", policy_version));
    }
    return payload;
  }
}

}  // namespace cohort::learner
