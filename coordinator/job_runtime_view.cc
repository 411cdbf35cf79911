// SPDX-License-Identifier: Apache-2.0
// What others may know of a job.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_runtime.h"
#include "coordinator/job_view.h"
#include "coordinator/resource_name.h"
#include "coordinator/rollout_schedule.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxNamedWorkers = 8;

// "a,b" or "a,b and 990 others".
std::string NamesOf(const std::map<std::string, int64_t, std::less<>>& workers) {
  std::vector<std::string> names;
  for (auto it = workers.begin(); it != workers.end() && names.size() < kMaxNamedWorkers; ++it) {
    names.push_back(it->first);
  }
  const size_t num_others = workers.size() - names.size();
  return absl::StrCat(absl::StrJoin(names, ","), num_others == 0 ? "" : absl::StrCat(" and ", num_others, " others"));
}

}  // namespace

JobRecord JobRuntime::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  return ledger_->record();
}

JobDemand JobRuntime::Demand() const {
  absl::MutexLock lock(&mutex_);
  const cohort::v1::Job& job = ledger_->job();
  const cohort::v1::SchedulingSpec& scheduling = job.spec().scheduling();
  const Standing standing = StandingNow();
  return {.job = job.name(),
          .name_space = NamespaceOf(job.name()),
          .sequence = sequence_,
          .state = standing.state,
          .priority = scheduling.priority(),
          .world_size = NeedsRanks(job.spec()) ? job.spec().training().world_size() : 0,
          .min_workers = scheduling.min_workers(),
          .max_workers = scheduling.max_workers(),
          .rank = scheduling.rank(),
          .worker = scheduling.worker(),
          .device_seconds = ledger_->meter().use().device_seconds(),
          .holds_ranks = standing.holds_ranks,
          .is_stopping = standing.is_stopping,
          .may_start = standing.may_start,
          .is_reading = opening_.IsReading()};
}

JobRuntime::Standing JobRuntime::StandingNow() const {
  const cohort::v1::JobState state = ledger_->job().state();
  const bool holds_ranks = handout_.HasGang();
  const bool is_asked_to_stop =
      state != cohort::v1::JOB_STATE_RUNNING || !stop_reason_.empty() || handout_.stop().has_value();
  return {.state = state,
          .holds_ranks = holds_ranks,
          .is_stopping = holds_ranks && is_asked_to_stop,
          .may_start = IsQueued(state) && !holds_ranks && failure_.empty()};
}

void JobRuntime::NoteStanding() {
  const Standing now = StandingNow();
  if (now == noted_) return;
  if (now.state != noted_.state) context_->metrics->SetJobState(name_, now.state);
  noted_ = now;
  changed_->Add(name_);
}

cohort::v1::JobState JobRuntime::state() const {
  absl::MutexLock lock(&mutex_);
  return ledger_->job().state();
}

cohort::v1::Job JobRuntime::View() const {
  absl::MutexLock lock(&mutex_);
  cohort::v1::Job job = StoredView(ledger_->job());
  *job.mutable_use() = ledger_->meter().use();
  if (HasEnded(job.state())) return job;
  const absl::Duration now = context_->clock->Monotonic();
  vitals_.FillIn(Describe().text, now - vitals_.MovedAt(progress_, now), context_->clock->Now(), &job);
  if (groups_ == nullptr) return job;
  job.set_num_workers(static_cast<int32_t>(groups_->leases().LeasesByWorker().size()));
  return job;
}

void JobRuntime::SetQueuePlace(int64_t position, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  vitals_.SetQueuePlace(position, reason);
}

std::map<std::string, int64_t> JobRuntime::GroupsByWorker() const {
  absl::MutexLock lock(&mutex_);
  if (groups_ == nullptr) return {};
  const auto& counts = groups_->leases().LeasesByWorker();
  return {counts.begin(), counts.end()};
}

bool JobRuntime::IsOver() const {
  absl::MutexLock lock(&mutex_);
  return HasEnded(ledger_->job().state()) && !handout_.HasGang();
}

WaitState JobRuntime::Waiting() const {
  absl::MutexLock lock(&mutex_);
  return {.progress = progress_, .waits_for = Describe().text};
}

JobRuntime::Awaited JobRuntime::Describe() const {
  const cohort::v1::JobState state = ledger_->job().state();
  if (!vitals_.store().text().empty()) return {"storage", vitals_.store().text()};
  if (HasEnded(state)) return {"ranks_to_leave", "ranks to leave"};
  if (state == cohort::v1::JOB_STATE_PAUSED) return {"resume", "somebody to resume it"};
  if (IsQueued(state)) {
    if (handout_.HasGang()) return {"ranks_to_leave", "the ranks of the gang before to leave"};
    if (opening_.IsReading()) {
      const std::string text = absl::StrCat("its dataset to be read: ", DatasetsText(ledger_->spec()));
      return {"dataset", opening_.ReadsWeights()
                             ? absl::StrCat(text, ", and the weights in ", ledger_->record().model_path)
                             : text};
    }
    const std::string& reason = ledger_->job().state_reason();
    if (absl::StartsWith(reason, "cannot start: ")) return {"turn", reason};
    if (!vitals_.queue_reason().empty()) return {"turn", absl::StrCat("its turn: ", vitals_.queue_reason())};
    if (!NeedsRanks(ledger_->spec())) return {"turn", "its turn"};
    return {"ranks_to_join", absl::StrCat(ledger_->spec().training().world_size(), " learner ranks to join")};
  }
  const int64_t version = ledger_->job().policy_version();
  if (handout_.stop().has_value()) {
    const int64_t last = handout_.stop()->version();
    if (!handout_.AllToldToStop()) return {"ranks_to_stop", absl::StrCat("ranks to stop at version ", last)};
    if (HasStopped()) return {"ranks_to_leave", "ranks to leave"};
    return {"checkpoint", absl::StrCat("rank 0 to seal the checkpoint of version ", last)};
  }
  if (handout_.next_version() < version) {
    return {"replay", absl::StrCat("ranks to replay from version ", handout_.next_version(), " to ", version)};
  }
  const GroupBuffer& buffer = groups_->buffer();
  const int64_t num_waiting = buffer.NumInState(GroupState::kWaiting);
  const int64_t num_in_flight = buffer.NumInState(GroupState::kInFlight);
  if (plan_.has_value()) return {"train_step", absl::StrCat("ranks to commit version ", version + 1)};
  // By arrival nothing is even admitted before.
  const bool needs_version = num_waiting > 0 || IsPlannedByArrival(ledger_->spec().rlvr().rollout());
  if (needs_version && NeedsRanks(ledger_->spec()) && groups_->policies().Find(version) == nullptr) {
    return {"publication", absl::StrCat("rank 0 to publish version ", version)};
  }
  if (num_in_flight > 0) {
    return {"scores", absl::StrCat("rollout workers ", NamesOf(groups_->leases().LeasesByWorker()), " to score ",
                                   num_in_flight, " groups")};
  }
  if (num_waiting > 0) {
    const std::string set_aside = context_->workers->DescribeSetAside();
    return {"claims", absl::StrCat("rollout workers to claim ", num_waiting, " groups",
                                   set_aside.empty() ? "" : "; set aside: ", set_aside)};
  }
  if (IsLastVersion()) return {"checkpoint", absl::StrCat("rank 0 to seal the checkpoint of version ", version)};
  return {"plan", absl::StrCat("the plan of version ", version)};
}

}  // namespace cohort::coordinator
