// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_TIMELINE_H_
#define COHORT_CLI_TIMELINE_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/lane_assignment.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// Something that took time on one process. Plain record.
struct TimelineSpan {
  std::string process;
  // Row of the process; spans of one track that overlap get lanes of it ("groups 0", "groups 1", ...).
  std::string track;
  std::string name;
  TimeInterval time;
  // Parts of it: names, and times within, that do not overlap.
  std::vector<std::pair<std::string, TimeInterval>> parts;
  nlohmann::ordered_json args = nlohmann::ordered_json::object();
};

// Spans of several processes that follow each other, by their numbers, at least two.
struct TimelineFlow {
  std::string trace_id;
  std::vector<size_t> spans;
};

// A process, in the order in which they are shown.
struct TimelineProcess {
  std::string name;
  // What was added to its times, and by how much that may be wrong at most.
  absl::Duration shift;
  absl::Duration uncertainty;
};

// What happened to a job's groups and steps, all in the coordinator's time.
struct Timeline {
  std::string job;
  std::vector<TimelineProcess> processes;
  std::vector<TimelineSpan> spans;
  std::vector<TimelineFlow> flows;
  int64_t num_groups = 0;
};

// Of committed steps (ListSteps with_timings) and stored groups (ListRollouts). A group or step without times, as an
// earlier version of Cohort stored them, is left out; a group comes once. Pure.
Timeline BuildTimeline(const std::string& job, const std::vector<cohort::v1::StepRecord>& steps,
                       const std::vector<cohort::v1::StoredRollouts>& groups);

}  // namespace cohort::cli

#endif  // COHORT_CLI_TIMELINE_H_
