// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator_metrics.h"

#include <google/protobuf/descriptor.h>

#include <string_view>

#include "absl/strings/ascii.h"

namespace cohort::coordinator {
namespace {

constexpr char kJob[] = "training_job";
constexpr size_t kMaxEndedJobs = 20;
constexpr std::string_view kStatePrefix = "JOB_STATE_";

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(prometheus::Registry* registry)
    : catalogue_(registry, kJob, kMaxEndedJobs),
      training_(&catalogue_),
      rpcs_(&catalogue_, "cohort_coordinator"),
      accepted_(&catalogue_, "cohort_coordinator_groups_accepted_total", "Scored groups accepted and durable.", {kJob}),
      dropped_(&catalogue_, "cohort_coordinator_groups_dropped_total", "Groups given up, by reason.", {kJob, "reason"}),
      expired_(&catalogue_, "cohort_coordinator_leases_expired_total", "Leases that ran out unrenewed.", {kJob}),
      refused_(&catalogue_, "cohort_coordinator_submits_refused_total",
               "Submitted groups discarded: lease lost or malformed.", {kJob}),
      gangs_lost_(&catalogue_, "cohort_coordinator_gangs_lost_total", "Learner gangs dissolved while in use.", {kJob}),
      unusable_(&catalogue_, "cohort_coordinator_checkpoints_unusable_total",
                "Sealed checkpoints that ranks could not take up.", {kJob}),
      mismatches_(&catalogue_, "cohort_coordinator_digest_mismatches_total",
                  "Replayed or published versions whose digest differed from the committed one.", {kJob}),
      preemptions_(&catalogue_, "cohort_coordinator_preemptions_total",
                   "Times that a running job was asked to make room for one of higher priority.", {kJob}),
      waits_(&catalogue_, "cohort_coordinator_job_wait_seconds_total",
             "Time by what the job waited for, looked at with every tick.", {kJob, "waits_for"}),
      queued_(&catalogue_, "cohort_coordinator_queued_jobs", "Jobs that wait in the queue, by namespace.",
              {"job_namespace"}),
      ranks_(&catalogue_, "cohort_coordinator_ranks_held", "Learner ranks that jobs hold, by namespace.",
             {"job_namespace"}),
      groups_(&catalogue_, "cohort_coordinator_groups", "Open groups by state.", {kJob, "state"}),
      states_(&catalogue_, "cohort_coordinator_job_state", "1 for the state that the job is in, 0 for the others.",
              {kJob, "state"}),
      policy_version_(&catalogue_, "cohort_coordinator_policy_version", "Newest committed policy version.", {kJob}),
      sealed_version_(&catalogue_, "cohort_coordinator_sealed_version",
                      "Newest policy version with a sealed checkpoint; 0 without one.", {kJob}),
      checkpoint_time_(&catalogue_, "cohort_coordinator_checkpoint_timestamp_seconds",
                       "When a checkpoint was last recorded as sealed, in seconds since 1970; absent until the first "
                       "since the coordinator started.",
                       {kJob}),
      stalled_(&catalogue_, "cohort_coordinator_stalled_seconds", "Time since the job last moved; 0 while it moves.",
               {kJob}),
      storage_trouble_(&catalogue_, "cohort_coordinator_storage_trouble",
                       "1 while storage refuses what the job has to write or read, else 0.", {kJob}),
      step_seconds_(&catalogue_, "cohort_coordinator_step_duration_seconds",
                    "Time from one committed train step to the next.", {kJob},
                    {0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800}),
      disk_free_(&catalogue_, "cohort_coordinator_disk_free_bytes", "Free bytes of the file system of a folder.",
                 {"folder"}),
      disk_size_(&catalogue_, "cohort_coordinator_disk_size_bytes", "Size of the file system of a folder.", {"folder"}),
      workers_(catalogue_.AddGauge("cohort_coordinator_workers", "Rollout workers heard of lately.")),
      set_aside_(catalogue_.AddGauge(
          "cohort_coordinator_workers_set_aside",
          "Rollout workers that get no groups, or one at a time, after failing three times in a row.")),
      claims_waiting_(
          catalogue_.AddGauge("cohort_coordinator_claims_waiting", "Claims of rollout workers that wait for groups.")),
      watches_open_(
          catalogue_.AddGauge("cohort_coordinator_watches_open", "Streams of WatchJob and WatchLogs that are open.")),
      downloads_open_(
          catalogue_.AddGauge("cohort_coordinator_downloads_open", "Downloads of checkpoints that are open.")),
      log_bytes_(
          catalogue_.AddGauge("cohort_coordinator_log_bytes", "Memory of the log lines about jobs that are held.")),
      processor_kinds_(
          catalogue_.AddGauge("cohort_coordinator_processor_kinds",
                              "Processor kinds of the registered workers; more than one breaks repeatability.")),
      learners_waiting_(
          catalogue_.AddGauge("cohort_coordinator_learners_waiting", "Learner ranks that wait for a gang.")),
      jobs_(catalogue_.AddGauge("cohort_coordinator_jobs_unfinished", "Jobs that have not ended.")),
      readings_waiting_(catalogue_.AddGauge("cohort_coordinator_dataset_readings_waiting",
                                            "Datasets that wait for a thread to read them; at most one per job.")),
      changes_waiting_(catalogue_.AddGauge(
          "cohort_coordinator_store_changes_waiting",
          "Changes of the store that wait for the commit of those before them; at most one per call in progress.")),
      appends_waiting_(catalogue_.AddGauge("cohort_coordinator_log_appends_waiting",
                                           "Appends to the rollout log that wait for the sync of those before them; "
                                           "at most one per call in progress.")) {}

void CoordinatorMetrics::AddJob(const std::string& job) {
  catalogue_.owners().Protect(job);
  for (Counters* counters : {&accepted_, &expired_, &refused_, &gangs_lost_, &unusable_, &mismatches_, &preemptions_}) {
    counters->At({job}).Make();
  }
  for (const char* reason : {"errored", "no_verdict", "zero_signal", "stale", "diverged"}) {
    dropped_.At({job, reason}).Make();
  }
}

void CoordinatorMetrics::SetJobState(const std::string& job, cohort::v1::JobState state) {
  const google::protobuf::EnumDescriptor& states = *cohort::v1::JobState_descriptor();
  for (int i = 0; i < states.value_count(); ++i) {
    const google::protobuf::EnumValueDescriptor& value = *states.value(i);
    if (value.number() == cohort::v1::JOB_STATE_UNSPECIFIED) continue;
    const std::string name = absl::AsciiStrToLower(value.name().substr(kStatePrefix.size()));
    states_.At({job, name}).Set(value.number() == state ? 1 : 0);
  }
}

}  // namespace cohort::coordinator
