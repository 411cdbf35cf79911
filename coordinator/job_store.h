// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_STORE_H_
#define COHORT_COORDINATOR_JOB_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/job_service.pb.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/group_record.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// A job with what only the coordinator needs.
struct JobRecord {
  cohort::v1::Job job;
  // Order of creation; set by CreateJob.
  int64_t sequence = 0;
  // CreateJobRequest.request_id, unique within a namespace, or empty, and the digest of that request.
  std::string request_id;
  std::string request_digest;
  // Folder of the initial policy.
  std::string model_path;
  // JobData::digest at submit; empty for a job of a store that did not keep it.
  std::string data_digest;
  // Gangs formed so far.
  int64_t incarnation = 0;
};

// A committed policy version, or version 0 once it was published.
struct VersionRecord {
  int64_t version = 0;
  std::string digest;           // 32 bytes; empty: of a line that a replay left, and has not come to again
  std::string checkpoint_path;  // empty unless sealed
};

// What changes together for one job. Rows replace the rows of the same key; events are appended.
struct JobChange {
  std::optional<JobRecord> job;
  std::vector<GroupRecord> groups;
  std::optional<cohort::v1::StepPlan> plan;
  std::optional<VersionRecord> version;
  std::vector<cohort::v1::JobEvent> events;
};

// Selects a page of a list in order of creation, newest job first unless said otherwise.
struct JobFilter {
  std::string name_prefix;  // "namespaces/default/jobs/"; empty: of every namespace
  cohort::v1::JobState state = cohort::v1::JOB_STATE_UNSPECIFIED;
  int64_t below_sequence = 0;  // 0: from the newest on
  int64_t above_sequence = 0;  // 0: from the oldest on
  bool is_oldest_first = false;
  int limit = 0;
};

// Selects groups of a job; every field that is set must hold.
struct GroupFilter {
  int64_t after_id = -1;
  std::optional<int64_t> first_step;
  std::optional<int64_t> last_step;
  cohort::v1::GroupPurpose purpose = cohort::v1::GROUP_PURPOSE_UNSPECIFIED;  // UNSPECIFIED: any
  std::optional<int64_t> problem_id;
  bool only_with_payload = false;  // location.length_bytes > 0
  bool only_closed = false;        // trained, dropped or evaluated
  int limit = 0;
};

// Durable state of all jobs. A method that changes something is atomic and durable when it returns OK. Thread-safe.
// in_memory_job_store.h is the fake; both pass job_store_contract_test.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Raises the coordinator epoch and returns it; once per start.
  virtual absl::StatusOr<int64_t> BeginEpoch() = 0;

  // Stores the job, with its first event, and sets its sequence. ALREADY_EXISTS when the name is taken, or the
  // request_id in its namespace.
  virtual absl::StatusOr<JobRecord> CreateJob(JobRecord record, const cohort::v1::JobEvent& first_event) = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<JobRecord> GetJob(std::string_view name) = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<JobRecord> FindJobByRequestId(std::string_view name_space, std::string_view request_id) = 0;
  virtual absl::StatusOr<std::vector<JobRecord>> ListJobs(const JobFilter& filter) = 0;
  // Removes the job, its groups, plans, versions and events. NOT_FOUND. Its name may stay taken for a while, also when
  // rows could not be removed: those go at the next start.
  virtual absl::Status DeleteJob(std::string_view name) = 0;

  // NOT_FOUND when there is no such job; ALREADY_EXISTS when an event's sequence is taken.
  virtual absl::Status Apply(std::string_view job, const JobChange& change) = 0;

  // Groups in a state below kTrained, by id.
  virtual absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(std::string_view job) = 0;
  // How many training groups a step has got, in any state.
  virtual absl::StatusOr<int64_t> CountTrainingGroups(std::string_view job, int64_t step) = 0;
  // The largest id of a training group of any step and state; -1 without any.
  virtual absl::StatusOr<int64_t> LargestTrainingGroup(std::string_view job) = 0;
  // The given groups, in the given order. NOT_FOUND names the first that is missing.
  virtual absl::StatusOr<std::vector<GroupRecord>> GetGroups(std::string_view job,
                                                             const std::vector<int64_t>& group_ids) = 0;
  // In order of id.
  virtual absl::StatusOr<std::vector<GroupRecord>> ListGroups(std::string_view job, const GroupFilter& filter) = 0;
  // Bytes of the rollout log that groups of the job refer to.
  virtual absl::StatusOr<int64_t> PayloadBytes(std::string_view job) = 0;
  // Segments of the rollout log that some group of any job refers to, in order.
  virtual absl::StatusOr<std::vector<int64_t>> SegmentsInUse() = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<cohort::v1::StepPlan> GetPlan(std::string_view job, int64_t version) = 0;
  // In order of version.
  virtual absl::StatusOr<std::vector<VersionRecord>> ListVersions(std::string_view job) = 0;
  // Events after `sequence`, oldest first, at most `limit`.
  virtual absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListEvents(std::string_view job, int64_t after,
                                                                       int limit) = 0;
  // Of the newest event; 0 when there is none.
  virtual absl::StatusOr<int64_t> NewestEventSequence(std::string_view job) = 0;
  // Step events that ended in a version after `after_version`, in order of version, at most `limit`. Of two events of
  // one version the newer.
  virtual absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListStepEvents(std::string_view job, int64_t after_version,
                                                                           int limit) = 0;
  // The last record of the rollout log that a group refers to; all zero when there is none.
  virtual absl::StatusOr<rollout_log::RecordLocation> EndOfLog() = 0;

  // Changes that wait for the commit of those before them: at most one of every caller.
  virtual int64_t NumWaitingChanges() const { return 0; }
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_STORE_H_
