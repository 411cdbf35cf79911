// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_JOB_STORE_FIXTURE_H_
#define COHORT_COORDINATOR_TESTING_JOB_STORE_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "coordinator/job_store.h"
#include "coordinator/sqlite_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {

struct InMemory {
  std::unique_ptr<JobStore> store = MakeInMemoryJobStore();
};

struct Sqlite {
  common::TempDir folder;
  std::unique_ptr<JobStore> store = *OpenSqliteJobStore(folder.Join("jobs.sqlite"));
};

// For tests of what every JobStore promises. Not thread-safe.
template <typename Backend>
class JobStoreFixture : public ::testing::Test {
 protected:
  JobStore& store() { return *backend_.store; }

  absl::StatusOr<JobRecord> Create(const std::string& id, const std::string& request_id = "",
                                   const std::string& name_space = "default") {
    JobRecord record;
    record.job.set_name(absl::StrCat("namespaces/", name_space, "/jobs/", id));
    record.job.set_state(cohort::v1::JOB_STATE_QUEUED);
    record.request_id = request_id;
    record.request_digest = std::string("\0\xFF", 2);
    record.model_path = "/models/small";
    return store().CreateJob(record, Event(1));
  }
  static cohort::v1::JobEvent Event(int64_t sequence) {
    cohort::v1::JobEvent event;
    event.set_sequence(sequence);
    event.set_notice(absl::StrCat("event ", sequence));
    return event;
  }
  static GroupRecord Group(int64_t id, GroupState state) {
    GroupRecord group;
    group.group_id = id;
    group.state = state;
    return group;
  }
  static std::vector<int64_t> Ids(const std::vector<GroupRecord>& groups) {
    std::vector<int64_t> ids;
    for (const auto& group : groups) ids.push_back(group.group_id);
    return ids;
  }
  static std::vector<std::string> Names(const std::vector<JobRecord>& records) {
    std::vector<std::string> names;
    for (const auto& record : records) names.push_back(record.job.name());
    return names;
  }

  const std::string job_ = "namespaces/default/jobs/a";

 private:
  Backend backend_;
};

using JobStoreBackends = ::testing::Types<InMemory, Sqlite>;

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_JOB_STORE_FIXTURE_H_
