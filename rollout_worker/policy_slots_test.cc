// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/policy_slots.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <future>
#include <memory>
#include <string>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

using common::StatusIs;

// Every version is the same weights; counts what is fetched.
class CountingSubscriber final : public model::WeightSubscriber {
 public:
  explicit CountingSubscriber(int* num_fetches) : num_fetches_(num_fetches) {}
  absl::Status Fetch(const cohort::v1::WeightSource&, model::ParameterMap* parameters) override {
    ++*num_fetches_;
    for (auto& [name, tensor] : parameters->entries) tensor.fill_(0.5);
    return absl::OkStatus();
  }
  void Cancel() override {}

 private:
  int* const num_fetches_;
};

class PolicySlotsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteTinyModel(dir_.Join("model"), /*seed=*/5));
    ASSERT_OK_AND_ASSIGN(config_, model::LoadModelConfig(dir_.Join("model")));
  }

  absl::StatusOr<PolicySlot*> Acquire(int64_t version, int64_t num_users = 1,
                                      model::Precision precision = model::Precision::kFp32) {
    cohort::v1::WeightSource source;
    source.set_job("job");
    source.set_policy_version(version);
    return slots_.Acquire(source, config_, num_users, precision);
  }

  common::TempDir dir_;
  model::ModelConfig config_;
  int num_fetches_ = 0;
  prometheus::Registry registry_;
  RolloutWorkerMetrics metrics_{&registry_};
  PolicySlots slots_{{.max_sequences = 4, .kv_cache_tokens = 256},
                     at::kCPU,
                     common::SystemClock(),
                     std::make_unique<CountingSubscriber>(&num_fetches_),
                     &metrics_};
};

TEST_F(PolicySlotsTest, VersionIsFetchedOnceForAllItsUsers) {
  ASSERT_OK_AND_ASSIGN(PolicySlot* const first, Acquire(3, /*num_users=*/2));
  ASSERT_OK_AND_ASSIGN(PolicySlot* const second, Acquire(3));
  EXPECT_EQ(first, second);
  EXPECT_EQ(num_fetches_, 1);
}

TEST_F(PolicySlotsTest, VersionInAnotherPrecisionIsAnotherOne) {
  ASSERT_OK_AND_ASSIGN(PolicySlot* const wide, Acquire(3));
  ASSERT_OK_AND_ASSIGN(PolicySlot* const rounded, Acquire(3, /*num_users=*/1, model::Precision::kBf16));
  EXPECT_NE(wide, rounded);
  EXPECT_THAT(Acquire(3, /*num_users=*/1, model::Precision::kBf16), common::IsOkAndHolds(rounded));
}

TEST_F(PolicySlotsTest, NextVersionGetsAnotherSlotWhileTheFirstDrains) {
  ASSERT_OK_AND_ASSIGN(PolicySlot* const draining, Acquire(0));
  ASSERT_OK_AND_ASSIGN(PolicySlot* const current, Acquire(1));
  EXPECT_NE(draining, current);
  EXPECT_TRUE(draining->Holds("job", 0));
  EXPECT_TRUE(current->Holds("job", 1));
}

TEST_F(PolicySlotsTest, IdleSlotOfTheJobIsUsedAgain) {
  ASSERT_OK_AND_ASSIGN(PolicySlot* const first, Acquire(0));
  slots_.Release(first);
  ASSERT_OK_AND_ASSIGN(PolicySlot* const second, Acquire(1));
  EXPECT_EQ(first, second);
  EXPECT_TRUE(second->Holds("job", 1));
}

TEST_F(PolicySlotsTest, ThirdVersionWaitsForTheLastUserOfOne) {
  ASSERT_OK_AND_ASSIGN(PolicySlot* const oldest, Acquire(0, /*num_users=*/2));
  ASSERT_OK(Acquire(1));
  std::future<absl::StatusOr<PolicySlot*>> third = std::async(std::launch::async, [this] { return Acquire(2); });
  slots_.Release(oldest);
  EXPECT_TRUE(oldest->Holds("job", 0));
  slots_.Release(oldest);
  EXPECT_THAT(third.get(), common::IsOkAndHolds(oldest));
  EXPECT_TRUE(oldest->Holds("job", 2));
}

TEST_F(PolicySlotsTest, StopEndsTheWait) {
  ASSERT_OK(Acquire(0));
  ASSERT_OK(Acquire(1));
  std::future<absl::StatusOr<PolicySlot*>> third = std::async(std::launch::async, [this] { return Acquire(2); });
  slots_.Stop();
  EXPECT_THAT(third.get(), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace cohort::rollout_worker
