// SPDX-License-Identifier: Apache-2.0
// A job over real RPCs through a proxy that loses, repeats and reorders them: it ends with a clean ledger.
#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "coordinator/job_ledger.h"
#include "coordinator/simulation/ledger_check.h"
#include "coordinator/testing/coordinator_fixture.h"
#include "coordinator/testing/faulty_proxy.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// Of simulated time; then the network is healed.
constexpr absl::Duration kFaultyTime = absl::Minutes(10);

class FaultyNetworkTest : public CoordinatorFixture, public ::testing::WithParamInterface<int> {
 protected:
  // Lets simulated time pass until the job has ended. False when it does not end.
  bool AwaitEnd(const std::string& name, FaultyProxy* proxy) {
    for (absl::Duration passed; passed < 4 * kFaultyTime; passed += absl::Milliseconds(500)) {
      if (HasEnded(Get(name).state())) return true;
      if (passed >= kFaultyTime) proxy->Heal();
      // Workers and ranks live in real time.
      absl::Notification never;
      never.WaitForNotificationWithTimeout(absl::Milliseconds(10));
      loopback_.clock().Advance(absl::Milliseconds(500));
      loopback_.coordinator().Tick();
    }
    return false;
  }
};

TEST_P(FaultyNetworkTest, JobEndsWithEveryGroupTrainedOnce) {
  FaultyProxy proxy(&loopback_, {.seed = static_cast<uint64_t>(GetParam()),
                                 .lost_before = 60,
                                 .lost_after = 60,
                                 .served_twice = 150,
                                 .overtaken = 150});
  loopback_.RouteThrough(proxy.Address());
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_rollout()->set_max_attempts(100);
  cohort::v1::CreateJobRequest request;
  request.set_job_id("sums");
  request.set_request_id("once");
  *request.mutable_job()->mutable_spec() = spec;
  std::string name;
  for (int attempt = 0; attempt < 100 && name.empty(); ++attempt) {
    grpc::ClientContext context;
    cohort::v1::Job job;
    if (loopback_.Connect().jobs->CreateJob(&context, request, &job).ok()) name = job.name();
  }
  ASSERT_FALSE(name.empty());
  StartWorkers(2, FirstSiblingIsRight());
  StartLearners(1);
  ASSERT_TRUE(AwaitEnd(name, &proxy)) << loopback_.coordinator().jobs().Find(name).value()->Waiting().waits_for;
  EXPECT_GT(proxy.num_faults(), 0);
  SimulationResult result;
  CheckLedger(loopback_.coordinator().context().store, loopback_.coordinator().context().log, name, &result);
  EXPECT_EQ(absl::StrJoin(result.violations, "\n"), "") << "seed " << GetParam();
  EXPECT_EQ(result.job.state(), cohort::v1::JOB_STATE_SUCCEEDED) << result.job.state_reason();
  EXPECT_EQ(result.num_dropped, 0);
  TearDown();
}

INSTANTIATE_TEST_SUITE_P(Seed, FaultyNetworkTest, ::testing::Range(0, 6));

}  // namespace
}  // namespace cohort::coordinator
