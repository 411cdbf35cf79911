// SPDX-License-Identifier: Apache-2.0
#include "cli/local_run.h"

#include <atomic>
#include <ostream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

constexpr absl::Duration kTickInterval = absl::Milliseconds(100);
constexpr absl::Duration kPlainInterval = absl::Seconds(5);
// A coordinator that dies is back long before this.
constexpr absl::Duration kWatchPatience = absl::Minutes(2);
constexpr size_t kMaxMessages = 100;

bool IsPausedOrPausing(cohort::v1::JobState state) {
  return state == cohort::v1::JOB_STATE_PAUSED || state == cohort::v1::JOB_STATE_PAUSING;
}

}  // namespace

LocalRun::LocalRun(const LocalClusterOptions& options, std::string_view parent, const Console& console,
                   common::Clock* clock, const common::Shutdown* shutdown, absl::Duration call_timeout)
    : options_(options),
      parent_(parent),
      console_(console),
      clock_(clock),
      shutdown_(shutdown),
      call_timeout_(call_timeout),
      progress_(console, kPlainInterval) {}

void LocalRun::AddMessage(std::string_view text) {
  absl::MutexLock lock(&mutex_);
  messages_.emplace_back(text);
  if (messages_.size() > kMaxMessages) messages_.pop_front();
}

void LocalRun::PrintMessages() {
  std::deque<std::string> messages;
  {
    absl::MutexLock lock(&mutex_);
    messages.swap(messages_);
  }
  if (!messages.empty()) progress_.Clear();
  for (const std::string& text : messages) console_.Messages() << text << std::endl;
}

absl::Status LocalRun::Start() {
  auto cluster = LocalCluster::Start(
      options_, clock_, [this](std::string_view text) { AddMessage(text); },
      [this] { return shutdown_->IsRequested(); });
  COHORT_RETURN_IF_ERROR(cluster.status());
  cluster_ = *std::move(cluster);
  client_ = std::make_unique<JobClient>(cluster_->Server(), call_timeout_);
  // Events are watched from the first one on, also when the run goes on with an older folder.
  metrics_.open(MetricsPath(), std::ios::trunc);
  if (!metrics_) return absl::InternalError(absl::StrCat("file cannot be written (", MetricsPath(), ")"));
  return absl::OkStatus();
}

absl::Status LocalRun::Supervise(const std::function<absl::Status()>& call, const std::function<void()>& show) {
  absl::Status result;
  std::atomic<bool> is_done = false;
  std::thread thread([&] {
    result = call();
    is_done = true;
  });
  absl::Status trouble;
  while (!is_done && trouble.ok()) {
    if (shutdown_->WaitFor(kTickInterval)) trouble = absl::CancelledError("stopped");
    if (trouble.ok()) trouble = cluster_->Tick();
    PrintMessages();
    show();
  }
  if (!trouble.ok()) client_->CancelCalls();
  thread.join();
  return trouble.ok() ? result : trouble;
}

absl::Status LocalRun::Validate(const std::vector<JobFile>& files) {
  return Supervise(
      [&] {
        for (size_t i = 0; i < files.size(); ++i) {
          if (NeedsEarlierRun(files, i)) continue;  // checked at its submit
          cohort::v1::CreateJobRequest request;
          request.set_parent(parent_);
          request.set_job_id(files[i].job_id);
          request.set_request_id(RandomRequestId());
          request.set_validate_only(true);
          *request.mutable_job()->mutable_spec() = SpecForValidation(files, i);
          const absl::Status status = client_->Create(request).status();
          if (!absl::IsAlreadyExists(status)) COHORT_RETURN_IF_ERROR(ForFile(status, files[i].path));
        }
        return absl::OkStatus();
      },
      [] {});
}

absl::Status LocalRun::Submit(const JobFile& file, cohort::v1::Job& job) {
  cohort::v1::CreateJobRequest request;
  request.set_parent(parent_);
  request.set_job_id(file.job_id);
  request.set_request_id(ContentRequestId(file));
  *request.mutable_job()->mutable_spec() = file.spec;
  return Supervise(
      [&] {
        auto created = client_->Create(request);
        if (!created.ok()) return ForFile(created.status(), file.path);
        if (IsPausedOrPausing(created->state())) created = client_->Resume(created->name());
        COHORT_RETURN_IF_ERROR(created.status());
        job = *std::move(created);
        return absl::OkStatus();
      },
      [] {});
}

absl::Status LocalRun::Follow(RunRecord& record) {
  const std::string name = record.Snapshot().job.name();
  const auto line = [this](const JobHistory& history) { return ProgressText(history, clock_->Now()); };
  const auto on_event = [&](const cohort::v1::JobEvent& event) {
    metrics_ << record.Apply(event) << std::flush;
    if (!metrics_ && !has_lost_metrics_.exchange(true)) {
      AddMessage(absl::StrCat("events are not written any more: the file cannot be written (", MetricsPath(), ")"));
    }
    if (event.has_notice()) AddMessage(absl::StrCat(JobId(name), ": ", event.notice()));
    if (event.state_changed().state() != cohort::v1::JOB_STATE_PAUSED) return true;
    // Events of an earlier run tell of pauses that are over.
    const auto job = client_->Get(name);
    return !job.ok() || job->state() != cohort::v1::JOB_STATE_PAUSED;
  };
  const absl::Status status = Supervise(
      [&]() -> absl::Status {
        COHORT_RETURN_IF_ERROR(client_->Watch(name, /*resume_token=*/0, kWatchPatience, on_event));
        COHORT_ASSIGN_OR_RETURN(const cohort::v1::Job job, client_->Get(name));
        record.SetJob(job);
        return absl::OkStatus();
      },
      [&] { progress_.Show(record.Read(line), clock_->Now()); });
  progress_.Show(record.Read(line), clock_->Now(), /*is_final=*/true);
  PrintMessages();
  return status;
}

absl::StatusOr<JobHistory> LocalRun::RunJob(const JobFile& file) {
  cohort::v1::Job job;
  COHORT_RETURN_IF_ERROR(Submit(file, job));
  RunRecord record(job);
  COHORT_RETURN_IF_ERROR(Follow(record));
  return record.Snapshot();
}

absl::Status LocalRun::Serve() {
  while (!shutdown_->WaitFor(kTickInterval)) {
    COHORT_RETURN_IF_ERROR(cluster_->Tick());
    PrintMessages();
  }
  return absl::OkStatus();
}

void LocalRun::Drain() {
  if (cluster_ != nullptr) cluster_->Drain();
  PrintMessages();
}

}  // namespace cohort::cli
