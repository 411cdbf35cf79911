// SPDX-License-Identifier: Apache-2.0
#include "coordinator/worker_registry.h"

#include <string>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

cohort::v1::WorkerDescription Worker(const std::string& id, const std::string& processor) {
  cohort::v1::WorkerDescription worker;
  worker.set_worker_id(id);
  worker.set_processor(processor);
  return worker;
}

TEST(WorkerRegistryTest, SilentWorkerIsForgottenAndAHeardOneStays) {
  WorkerRegistry workers(absl::Seconds(10));
  EXPECT_TRUE(workers.Hear(Worker("a", "x"), absl::Seconds(0)).ok());
  EXPECT_TRUE(workers.Hear(Worker("b", "x"), absl::Seconds(0)).ok());
  EXPECT_TRUE(workers.Hear(Worker("b", "x"), absl::Seconds(5)).ok());
  EXPECT_EQ(workers.NumWorkers(), 2);
  workers.ForgetSilent(absl::Seconds(10));
  EXPECT_EQ(workers.NumWorkers(), 1);
  workers.ForgetSilent(absl::Seconds(15));
  EXPECT_EQ(workers.NumWorkers(), 0);
}

TEST(WorkerRegistryTest, ProcessorKindsAreCounted) {
  WorkerRegistry workers(absl::Seconds(10));
  EXPECT_TRUE(workers.Hear(Worker("a", "avx2"), absl::Seconds(0)).ok());
  EXPECT_TRUE(workers.Hear(Worker("b", "avx2"), absl::Seconds(0)).ok());
  EXPECT_EQ(workers.NumProcessorKinds(), 1);
  EXPECT_TRUE(workers.Hear(Worker("c", "avx512"), absl::Seconds(0)).ok());
  EXPECT_EQ(workers.NumProcessorKinds(), 2);
}

TEST(WorkerRegistryTest, FailingWorkerGetsOneGroupAtATimeAndThenNoneForAGrowingPause) {
  WorkerRegistry workers(absl::Seconds(1000));
  EXPECT_TRUE(workers.Hear(Worker("a", "x"), absl::Seconds(0)).ok());
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(0)), 8);
  workers.CountFailure("a", "bad", absl::Seconds(0));
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(0)), 1);
  workers.CountGrant("a", absl::Seconds(0), /*hold=*/absl::Seconds(30));
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(29)), 0) << "its probe is out";
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(30)), 1);
  workers.CountFailure("a", "bad", absl::Seconds(30));
  EXPECT_EQ(workers.NumSetAside(), 0);
  EXPECT_EQ(workers.WhySetAside("a", absl::Seconds(30)), "");
  EXPECT_TRUE(workers.HasOtherThan({"b"}));
  workers.CountFailure("a", "worse", absl::Seconds(30));
  EXPECT_EQ(workers.NumSetAside(), 1);
  EXPECT_FALSE(workers.HasOtherThan({"b"})) << "nobody waits for a worker that is set aside";
  EXPECT_EQ(workers.DescribeSetAside(), "a after 3 failures (worse)");
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(31)), 0);
  EXPECT_EQ(workers.WhySetAside("a", absl::Seconds(31)), "after 3 failures (worse)");
  EXPECT_EQ(workers.WhySetAside("a", absl::Seconds(32)), "") << "the pause is over";
  EXPECT_FALSE(workers.TakeEndedPauses(absl::Seconds(31)));
  EXPECT_TRUE(workers.TakeEndedPauses(absl::Seconds(32)));
  EXPECT_FALSE(workers.TakeEndedPauses(absl::Seconds(32))) << "told once";
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(32)), 1);
  for (int i = 0; i < 50; ++i) workers.CountFailure("a", "bad", absl::Seconds(40));
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(99)), 0);
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(100)), 1) << "60 s at most";
}

TEST(WorkerRegistryTest, AcceptedGroupEndsTheDistrustAndARestartThePause) {
  WorkerRegistry workers(absl::Seconds(1000));
  EXPECT_TRUE(workers.Hear(Worker("a", "x"), absl::Seconds(0)).ok());
  for (int i = 0; i < 5; ++i) workers.CountFailure("a", "bad", absl::Seconds(0));
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(1)), 0);
  workers.CountSuccess("a");
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(1)), 8);
  EXPECT_EQ(workers.NumSetAside(), 0);
  for (int i = 0; i < 5; ++i) workers.CountFailure("a", "bad", absl::Seconds(1));
  cohort::v1::WorkerDescription restarted = Worker("a", "x");
  restarted.set_http_address("127.0.0.1:9");
  EXPECT_TRUE(workers.Hear(restarted, absl::Seconds(2)).ok());
  EXPECT_EQ(workers.WhySetAside("a", absl::Seconds(2)), "");
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(2)), 1) << "a probe at once, but no more before it has done well";
}

TEST(WorkerRegistryTest, GroupGivenBackWithoutFaultLetsTheNextProbeOut) {
  WorkerRegistry workers(absl::Seconds(1000));
  EXPECT_TRUE(workers.Hear(Worker("a", "x"), absl::Seconds(0)).ok());
  workers.CountFailure("a", "bad", absl::Seconds(0));
  workers.CountGrant("a", absl::Seconds(0), /*hold=*/absl::Seconds(30));
  workers.EndProbe("a");
  EXPECT_EQ(workers.Allow("a", 8, absl::Seconds(1)), 1);
}

TEST(WorkerRegistryTest, NamelessWorkerIsRefused) {
  WorkerRegistry workers(absl::Seconds(10));
  EXPECT_EQ(workers.Hear(Worker("", "x"), absl::Seconds(0)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(workers.Hear(Worker(std::string(257, 'w'), "x"), absl::Seconds(0)).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(WorkerRegistryTest, OfManyThatAreSetAsideAFewAreDescribed) {
  WorkerRegistry workers(absl::Seconds(1000));
  for (const std::string id : {"w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9"}) {
    EXPECT_TRUE(workers.Hear(Worker(id, "x"), absl::Seconds(0)).ok());
    for (int i = 0; i < 3; ++i) workers.CountFailure(id, "bad", absl::Seconds(0));
  }
  EXPECT_TRUE(workers.DescribeSetAside().ends_with(", w7 after 3 failures (bad), ..."));
}

}  // namespace
}  // namespace cohort::coordinator
