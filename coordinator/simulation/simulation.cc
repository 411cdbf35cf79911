// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/simulation.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/simulated_clock.h"
#include "coordinator/job_ledger.h"
#include "coordinator/simulation/collective.h"
#include "coordinator/simulation/event_loop.h"
#include "coordinator/simulation/ledger_check.h"
#include "coordinator/simulation/simulated_coordinator.h"
#include "coordinator/simulation/simulated_network.h"
#include "coordinator/simulation/simulated_rank.h"
#include "coordinator/simulation/simulated_worker.h"
#include "coordinator/simulation/witness.h"

namespace cohort::coordinator {
namespace {

constexpr char kJob[] = "namespaces/default/jobs/sums";
// From the end of the faults on.
constexpr absl::Duration kLongestEnd = absl::Seconds(900);
// A job that has ended is not disturbed much longer.
constexpr absl::Duration kFaultsAfterTheEnd = absl::Seconds(5);

// All parts of one run.
class Simulation final {
 public:
  Simulation(const Schedule& schedule, const std::string& data_root)
      : schedule_(schedule),
        random_(schedule.seed ^ 0xC0F0),
        coordinator_(&loop_, &disk_, &random_, &witness_, &schedule_, data_root),
        network_(&loop_, &random_, &coordinator_, &schedule_) {
    for (int i = 0; i < schedule.num_workers; ++i) {
      workers_.push_back(std::make_unique<SimulatedWorker>(&loop_, &random_, &network_, &witness_, &schedule_,
                                                           absl::StrCat("worker-", i)));
    }
    for (int i = 0; i < schedule.num_learners; ++i) {
      ranks_.push_back(std::make_unique<SimulatedRank>(&loop_, &random_, &disk_, &network_, &collective_, &witness_,
                                                       &schedule_, absl::StrCat("learner-", i)));
    }
  }

  SimulationResult Run() {
    SimulationResult result;
    coordinator_.Start();
    for (auto& worker : workers_) worker->Start();
    for (auto& rank : ranks_) rank->Start();
    Create();
    loop_.After(absl::Seconds(1), [this] { Disturb(); });
    loop_.After(absl::Milliseconds(700), [this] { Look(); });
    while (!has_ended_ && loop_.RunOne()) {
      if (loop_.now() > schedule_.duration_of_faults + kLongestEnd) {
        witness_.Violated(absl::StrCat("the job does not end: ", Waiting()));
        break;
      }
    }
    result.num_starts = coordinator_.life();
    result.num_first_disk_calls = coordinator_.num_disk_calls();
    result.duration = loop_.now();
    // What is there now must be there for good.
    coordinator_.Kill(/*loses_power=*/true);
    while (coordinator_.get() == nullptr && loop_.RunOne()) continue;
    witness_.CheckStore(coordinator_.get()->context().store, *coordinator_.get()->context().log);
    result.violations = witness_.violations();
    CheckLedger(coordinator_.get()->context().store, coordinator_.get()->context().log, kJob, &result);
    result.num_refused_submits = witness_.num_refused();
    return result;
  }

 private:
  void Create() {
    cohort::v1::CreateJobRequest request;
    request.set_job_id("sums");
    request.set_request_id("once");
    *request.mutable_job()->mutable_spec() = schedule_.spec;
    network_.Call<cohort::v1::Job>(
        absl::ZeroDuration(), [] { return true; },
        [this, request](Coordinator& coordinator, const CallView&) -> std::optional<absl::StatusOr<cohort::v1::Job>> {
          auto job = coordinator.jobs().Create(request);
          if (job.ok() && !std::exchange(is_created_, true)) witness_.Created(job->name());
          return job;
        },
        [this](const absl::StatusOr<cohort::v1::Job>& job) {
          if (job.ok()) return;
          const bool is_trouble = absl::IsUnavailable(job.status()) || absl::IsDeadlineExceeded(job.status());
          if (!is_trouble) witness_.Violated(absl::StrCat("CreateJob: ", job.status().ToString()));
          loop_.After(absl::Seconds(1), [this] { Create(); });
        });
  }

  // What somebody sees who looks at the job again and again.
  void Look() {
    loop_.After(absl::Milliseconds(700), [this] { Look(); });
    const bool is_up = coordinator_.get() != nullptr && coordinator_.StoppedFor() == absl::ZeroDuration();
    if (!is_up || !is_created_) return;
    JobStore* store = coordinator_.get()->context().store;
    const auto events = store->ListEvents(kJob, witness_.LastEvent(kJob), /*limit=*/5);
    if (events.ok()) witness_.SawEvents(kJob, *events);
    const auto job = store->GetJob(kJob);
    const bool is_over = job.ok() && HasEnded(job->job.state()) && events.ok() && events->empty();
    has_ended_ = is_healed_ && is_over;
    faults_end_ = is_over ? std::min(faults_end_, loop_.now() + kFaultsAfterTheEnd) : absl::InfiniteDuration();
  }

  // Once a second: what goes wrong next.
  void Disturb() {
    if (loop_.now() >= std::min(schedule_.duration_of_faults, faults_end_)) return Heal();
    loop_.After(absl::Seconds(1), [this] { Disturb(); });
    if (random_.Chance(schedule_.coordinator_deaths)) EndCoordinator();
    if (random_.Chance(schedule_.coordinator_stops)) coordinator_.StopFor(absl::Seconds(random_.Between(1, 18)));
    for (auto& worker : workers_) {
      if (random_.Chance(schedule_.worker_deaths)) worker->Die();
      if (random_.Chance(schedule_.worker_stops)) worker->Stop(absl::Seconds(random_.Between(1, 18)));
    }
    for (auto& rank : ranks_) {
      if (random_.Chance(schedule_.learner_deaths)) rank->Die();
      if (random_.Chance(schedule_.learner_stops)) rank->Stop(absl::Seconds(random_.Between(1, 18)));
    }
    if (random_.Chance(schedule_.full_disks)) {
      disk_.SetCapacity(disk_.UsedBytes() + random_.Below(20000));
      loop_.After(absl::Seconds(random_.Between(1, 8)), [this] { disk_.SetCapacity(int64_t{1} << 40); });
    }
    if (random_.Chance(schedule_.clock_changes)) clock_.SetWallClock(absl::Minutes(random_.Between(-1440, 1440)));
    if (random_.Chance(schedule_.cancels) && coordinator_.get() != nullptr) {
      (void)coordinator_.get()->jobs().Cancel(kJob);
      (void)coordinator_.IsAlive();
    }
    if (random_.Chance(schedule_.pauses) && coordinator_.get() != nullptr) TakeRanks();
  }

  // Pauses the job, or takes its ranks for another one.
  void TakeRanks() {
    JobDirectory& jobs = coordinator_.get()->jobs();
    if (random_.Chance(500)) {
      (void)jobs.Pause(kJob);
      loop_.After(absl::Seconds(random_.Between(1, 8)), [this] { Resume(); });
    } else if (const auto runtime = jobs.Find(kJob); runtime.ok()) {
      (void)(*runtime)->Preempt("a job of higher priority");
    }
    (void)coordinator_.IsAlive();
  }

  void Resume() {
    const bool is_up = coordinator_.get() != nullptr && coordinator_.StoppedFor() == absl::ZeroDuration();
    const absl::Status resumed =
        is_up ? coordinator_.get()->jobs().Resume(kJob).status() : absl::UnavailableError("the coordinator is away");
    // It has ended meanwhile, or was never there.
    const bool is_pointless = absl::IsFailedPrecondition(resumed) || absl::IsNotFound(resumed);
    const bool is_answered = coordinator_.IsAlive() && (resumed.ok() || is_pointless);
    if (!is_answered) loop_.After(absl::Seconds(1), [this] { Resume(); });
  }

  void EndCoordinator() {
    if (coordinator_.get() == nullptr) return;
    switch (random_.Below(4)) {
      case 0:
        return coordinator_.Kill(/*loses_power=*/random_.Chance(500));
      case 1:
        return coordinator_.Terminate();
      default:
        return coordinator_.DieSoon();
    }
  }

  void Heal() {
    is_healed_ = true;
    network_.Heal();
    coordinator_.Heal();
    disk_.SetCapacity(int64_t{1} << 40);
    for (auto& worker : workers_) worker->Heal();
    for (auto& rank : ranks_) rank->Heal();
  }

  std::string Waiting() {
    if (coordinator_.get() == nullptr) return "the coordinator is down";
    const auto runtime = coordinator_.get()->jobs().Find(kJob);
    return runtime.ok() ? (*runtime)->Waiting().waits_for : runtime.status().ToString();
  }

  const Schedule schedule_;
  common::SeededRandom random_;
  common::SimulatedClock clock_;
  EventLoop loop_{&clock_};
  common::SimulatedDisk disk_;
  Witness witness_;
  Collective collective_{&witness_};
  SimulatedCoordinator coordinator_;
  SimulatedNetwork network_;
  std::vector<std::unique_ptr<SimulatedWorker>> workers_;
  std::vector<std::unique_ptr<SimulatedRank>> ranks_;
  absl::Duration faults_end_ = absl::InfiniteDuration();
  bool is_created_ = false;
  bool is_healed_ = false;
  bool has_ended_ = false;
};

}  // namespace

SimulationResult RunSimulation(const Schedule& schedule, const std::string& data_root) {
  SimulationResult result = Simulation(schedule, data_root).Run();
  const cohort::v1::Job& job = result.job;
  const bool is_whole = job.state() == cohort::v1::JOB_STATE_SUCCEEDED;
  // A step or an evaluation without enough groups fails the job, by name.
  const bool may_fail = result.num_errored > 0;
  const bool may_be_cancelled = schedule.cancels > 0 && job.state() == cohort::v1::JOB_STATE_CANCELLED;
  if (!is_whole && !may_be_cancelled && !(may_fail && job.state() == cohort::v1::JOB_STATE_FAILED)) {
    result.violations.push_back(
        absl::StrCat("the job is ", cohort::v1::JobState_Name(job.state()), ": ", job.state_reason()));
  }
  return result;
}

void WriteSimulationData(const std::string& data_root) {
  std::string rows, held_out;
  for (int i = 0; i < 10; ++i)
    absl::StrAppend(&rows, R"({"question": ")", i, R"( + 1 =", "answer": ")", i + 1, "\"}\n");
  for (int i = 0; i < 2; ++i) {
    absl::StrAppend(&held_out, R"({"question": ")", i, R"( + 7 =", "answer": ")", i + 7, "\"}\n");
  }
  (void)common::WriteFileAtomically(data_root + "/problems.jsonl", rows);
  (void)common::WriteFileAtomically(data_root + "/held_out.jsonl", held_out);
}

}  // namespace cohort::coordinator
