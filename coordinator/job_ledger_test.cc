// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_ledger.h"

#include <memory>

#include "common/testing/status_matchers.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

constexpr char kJob[] = "namespaces/default/jobs/demo";

TEST(JobLedgerTest, ReadsAllEventsOfALongJobWithoutTheirTimings) {
  constexpr int kNumEvents = 1001;
  const std::unique_ptr<JobStore> store = MakeInMemoryJobStore();
  JobRecord record;
  record.job.set_name(kJob);
  cohort::v1::JobEvent first;
  first.set_sequence(1);
  ASSERT_OK(store->CreateJob(record, first));
  JobChange change;
  for (int sequence = 2; sequence <= kNumEvents; ++sequence) {
    cohort::v1::JobEvent& event = change.events.emplace_back();
    event.set_sequence(sequence);
    event.mutable_step()->set_policy_version(sequence);
    event.mutable_step()->mutable_timings()->add_group_ids(7);
  }
  ASSERT_OK(store->Apply(kJob, change));
  ASSERT_OK_AND_ASSIGN(const auto events, JobLedger::ReadEvents(store.get(), kJob));
  ASSERT_EQ(events.size(), static_cast<size_t>(kNumEvents));
  for (int i = 0; i < kNumEvents; ++i) {
    EXPECT_EQ(events[i].sequence(), i + 1);
    EXPECT_FALSE(events[i].step().has_timings());
  }
  EXPECT_EQ(events.back().step().policy_version(), kNumEvents);
}

}  // namespace
}  // namespace cohort::coordinator
