// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process_list.h"

#include <google/protobuf/util/time_util.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/status_macros.h"
#include "coordinator/page_token.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::Process;

constexpr int kDefaultPageSize = 200;
constexpr int kMaxPageSize = 1000;
// A page is one message of at most 4 MiB, whatever its number of processes.
constexpr size_t kMaxPageBytes = 3 << 20;

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

// All of them, in order of role and id.
cohort::v1::ListProcessesResponse AllProcesses(const CoordinatorContext& context, const JobDirectory& jobs,
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

// Rises along the list.
std::string PlaceOf(const Process& process) {
  return absl::StrCat(static_cast<int>(process.role()), " ", process.id());
}

}  // namespace

absl::StatusOr<cohort::v1::ListProcessesResponse> ListProcesses(const cohort::v1::ListProcessesRequest& request,
                                                                const CoordinatorContext& context,
                                                                const JobDirectory& jobs, const GangAssembly& gangs) {
  COHORT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  const std::string query = PageQuery(request);
  std::string place;
  if (!request.page_token().empty()) {
    COHORT_ASSIGN_OR_RETURN(place, DecodeTextPageToken(query, request.page_token()));
  }
  cohort::v1::ListProcessesResponse all = AllProcesses(context, jobs, gangs);
  cohort::v1::ListProcessesResponse page;
  size_t num_bytes = 0;
  for (Process& process : *all.mutable_processes()) {
    if (PlaceOf(process) <= place) continue;
    num_bytes += process.ByteSizeLong();
    const bool is_full = page.processes_size() > 0 && num_bytes > kMaxPageBytes;
    if (is_full || page.processes_size() == page_size) {
      page.set_next_page_token(EncodeTextPageToken(query, place));
      break;
    }
    place = PlaceOf(process);
    *page.add_processes() = std::move(process);
  }
  return page;
}

}  // namespace cohort::coordinator
