// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator_metrics.h"

namespace cohort::coordinator {
namespace {

prometheus::Family<prometheus::Counter>& Counters(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}

prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
}

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(prometheus::Registry* registry)
    : accepted_(Counters(registry, "cohort_coordinator_groups_accepted_total", "Scored groups accepted and durable.")),
      dropped_(Counters(registry, "cohort_coordinator_groups_dropped_total", "Groups given up, by reason.")),
      expired_(Counters(registry, "cohort_coordinator_leases_expired_total", "Leases that ran out unrenewed.")),
      refused_(Counters(registry, "cohort_coordinator_submits_refused_total",
                        "Submitted groups discarded: lease lost or malformed.")),
      gangs_lost_(Counters(registry, "cohort_coordinator_gangs_lost_total", "Learner gangs dissolved while in use.")),
      unusable_(Counters(registry, "cohort_coordinator_checkpoints_unusable_total",
                         "Sealed checkpoints that ranks could not take up.")),
      mismatches_(Counters(registry, "cohort_coordinator_digest_mismatches_total",
                           "Replayed or published versions whose digest differed from the committed one.")),
      preemptions_(Counters(registry, "cohort_coordinator_preemptions_total",
                            "Times that a running job was asked to make room for one of higher priority.")),
      queued_(Gauges(registry, "cohort_coordinator_queued_jobs", "Jobs that wait in the queue, by namespace.")),
      ranks_(Gauges(registry, "cohort_coordinator_ranks_held", "Learner ranks that jobs hold, by namespace.")),
      groups_(Gauges(registry, "cohort_coordinator_groups", "Open groups by state.")),
      policy_version_(Gauges(registry, "cohort_coordinator_policy_version", "Newest committed policy version.")),
      stalled_(
          Gauges(registry, "cohort_coordinator_stalled_seconds", "Time since the job last moved; 0 while it moves.")),
      step_seconds_(prometheus::BuildHistogram()
                        .Name("cohort_coordinator_step_duration_seconds")
                        .Help("Time from one committed train step to the next.")
                        .Register(*registry)),
      workers_(Gauges(registry, "cohort_coordinator_workers", "Rollout workers heard of lately.").Add({})),
      set_aside_(Gauges(registry, "cohort_coordinator_workers_set_aside",
                        "Rollout workers that get no groups, or one at a time, after failing three times in a row.")
                     .Add({})),
      claims_waiting_(
          Gauges(registry, "cohort_coordinator_claims_waiting", "Claims of rollout workers that wait for groups.")
              .Add({})),
      watches_open_(Gauges(registry, "cohort_coordinator_watches_open", "Streams of WatchJob that are open.").Add({})),
      processor_kinds_(Gauges(registry, "cohort_coordinator_processor_kinds",
                              "Processor kinds of the registered workers; more than one breaks repeatability.")
                           .Add({})),
      learners_waiting_(
          Gauges(registry, "cohort_coordinator_learners_waiting", "Learner ranks that wait for a gang.").Add({})),
      jobs_(Gauges(registry, "cohort_coordinator_jobs_unfinished", "Jobs that have not ended.").Add({})) {}

prometheus::Histogram& CoordinatorMetrics::StepSeconds(const std::string& job) {
  return step_seconds_.Add({{"training_job", job}}, prometheus::Histogram::BucketBoundaries{0.1, 0.3, 1, 3, 10, 30, 60,
                                                                                            120, 300, 600, 1200, 1800});
}

}  // namespace cohort::coordinator
