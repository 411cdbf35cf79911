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

TEST(WorkerRegistryTest, NamelessWorkerIsRefused) {
  WorkerRegistry workers(absl::Seconds(10));
  EXPECT_EQ(workers.Hear(Worker("", "x"), absl::Seconds(0)).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cohort::coordinator
