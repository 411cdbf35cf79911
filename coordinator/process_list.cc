// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process_list.h"

#include <google/protobuf/util/time_util.h>

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::Process;

// What a worker holds.
struct Holding {
  std::vector<std::string> jobs;
  int64_t num_groups = 0;
};

std::map<std::string, Holding> HoldingsByWorker(const JobDirectory& jobs) {
  std::map<std::string, Holding> holdings;
  for (const auto& runtime : jobs.Runtimes()) {
    for (const auto& [worker, num_groups] : runtime->GroupsByWorker()) {
      Holding& holding = holdings[worker];
      holding.jobs.push_back(runtime->name());
      holding.num_groups += num_groups;
    }
  }
  return holdings;
}

// Works for WorkerDescription and JoinGangRequest.
template <typename Description>
void Describe(const Description& description, Process* process) {
  process->set_device(description.device());
  process->set_processor(description.processor());
  process->set_memory_bytes(description.memory_bytes());
  process->set_http_address(description.http_address());
}

}  // namespace

cohort::v1::ListProcessesResponse ListProcesses(const CoordinatorContext& context, const JobDirectory& jobs,
                                                const GangAssembly& gangs) {
  const absl::Duration now = context.clock->Monotonic();
  const absl::Time wall_now = context.clock->Now();
  const auto set_last_heard = [&](absl::Duration last_heard, Process* process) {
    const int64_t nanoseconds = absl::ToUnixNanos(wall_now - (now - last_heard));
    *process->mutable_last_heard() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(nanoseconds);
  };
  cohort::v1::ListProcessesResponse response;
  const std::map<std::string, Holding> holdings = HoldingsByWorker(jobs);
  for (const KnownWorker& worker : context.workers->Workers(now)) {
    Process* process = response.add_processes();
    process->set_id(worker.description.worker_id());
    process->set_role(Process::ROLLOUT_WORKER);
    Describe(worker.description, process);
    process->set_set_aside_reason(worker.set_aside_reason);
    set_last_heard(worker.last_heard, process);
    const auto holding = holdings.find(process->id());
    if (holding == holdings.end()) continue;
    process->set_num_groups(holding->second.num_groups);
    for (const std::string& job : holding->second.jobs) process->add_jobs(job);
  }
  for (const KnownLearner& learner : gangs.Learners()) {
    Process* process = response.add_processes();
    process->set_id(learner.learner.learner_id());
    process->set_role(Process::LEARNER_RANK);
    Describe(learner.learner, process);
    // Its call is in progress.
    set_last_heard(learner.is_waiting ? now : learner.last_heard, process);
    if (learner.job.empty()) continue;
    process->add_jobs(learner.job);
    process->set_rank(learner.rank);
  }
  return response;
}

}  // namespace cohort::coordinator
