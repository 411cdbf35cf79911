// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_loop.h"

#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::learner {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(200);  // between tries while the coordinator is away

bool IsGangLoss(const absl::Status& status) {
  return absl::IsAborted(status) || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// Starting the rank again would meet the same fault: bad data, a damaged checkpoint, weights that are not finite.
bool IsFaultOfJob(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsDataLoss(status) || absl::IsFailedPrecondition(status) ||
         absl::IsUnimplemented(status) || absl::IsNotFound(status);
}

absl::Status TrainJob(const cohort::v1::JoinGangResponse& place, const TrainerEnvironment& environment) {
  const absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Create(place, environment);
  absl::Status ended = trainer.ok() ? (*trainer)->Run() : trainer.status();
  if (!ended.ok()) ended = absl::Status(ended.code(), absl::StrCat(place.job(), ": ", std::string(ended.message())));
  // Before the process group goes: a peer that misses it joins again at once, which dissolves the gang, and nobody
  // listens to the reports of a gang that is gone.
  if (IsFaultOfJob(ended)) environment.membership->ReportError(ended);
  // The next gang publishes again, perhaps from another process.
  environment.publisher->Retire(place.job(), std::numeric_limits<int64_t>::max());
  return ended;
}

// What the end of a job means for the process: OK to join again.
absl::Status AfterJob(const cohort::v1::JoinGangResponse& place, const absl::Status& ended,
                      const TrainerEnvironment& environment) {
  if (!IsGangLoss(ended)) return ended;
  environment.metrics->RecordGangLoss(place.job());
  log::Warning("gang lost",
               {{"job", place.job()}, {"rank", place.rank()}, {"incarnation", place.incarnation()}, {"reason", ended}});
  if (environment.device.is_cpu()) return absl::OkStatus();
  return absl::AbortedError(ended.message());
}

}  // namespace

absl::Status RunLearner(const cohort::v1::JoinGangRequest& join, const TrainerEnvironment& environment) {
  while (!environment.membership->IsDraining()) {
    const absl::Duration start = environment.clock->Monotonic();
    const absl::StatusOr<cohort::v1::JoinGangResponse> place = environment.client->JoinGang(join);
    const bool is_refused = IsGangLoss(place.status()) || absl::IsCancelled(place.status());
    if (is_refused) absl::SleepFor(kPause);
    environment.metrics->AddIdleTime(is_refused ? IdleReason::kCoordinator : IdleReason::kGang,
                                     environment.clock->Monotonic() - start);
    if (is_refused) continue;
    COHORT_RETURN_IF_ERROR(place.status());
    if (place->job().empty()) continue;
    environment.metrics->AddJob(place->job());
    environment.membership->Enter(*place);
    const absl::Status ended = AfterJob(*place, TrainJob(*place, environment), environment);
    environment.membership->Leave();
    if (absl::IsCancelled(ended)) return absl::OkStatus();
    COHORT_RETURN_IF_ERROR(ended);
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
