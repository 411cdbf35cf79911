// SPDX-License-Identifier: Apache-2.0
#include "coordinator/waiting_claims.h"

#include <deque>
#include <string>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

class WaitingClaimsTest : public ::testing::Test {
 protected:
  void Add(int64_t ticket, const std::string& worker, const std::string& device, int64_t memory_bytes = 0,
           absl::Time deadline = absl::InfiniteFuture()) {
    cohort::v1::ClaimGroupsRequest& request = requests_.emplace_back();
    request.mutable_worker()->set_worker_id(worker);
    request.mutable_worker()->set_device(device);
    request.mutable_worker()->set_memory_bytes(memory_bytes);
    claims_.Add(ticket, {.request = &request, .deadline = deadline});
  }
  static GroupOffer ForDevice(const std::string& device, int64_t memory_bytes = 0) {
    GroupOffer offer;
    offer.requirement.set_device(device);
    offer.requirement.set_min_memory_bytes(memory_bytes);
    return offer;
  }

  std::deque<cohort::v1::ClaimGroupsRequest> requests_;
  WaitingClaims claims_;
};

TEST_F(WaitingClaimsTest, AnOfferIsForTheOldestWorkerThatMeetsIt) {
  Add(1, "a", "cpu");
  Add(2, "b", "cuda:0", 10);
  Add(3, "c", "cuda:1", 80);
  Add(4, "d", "cuda:2", 80);
  EXPECT_EQ(claims_.NextAfter(0, {ForDevice("")}), 1);
  EXPECT_EQ(claims_.NextAfter(0, {ForDevice("cuda")}), 2);
  EXPECT_EQ(claims_.NextAfter(0, {ForDevice("cuda", 40)}), 3);
  EXPECT_EQ(claims_.NextAfter(3, {ForDevice("cuda", 40)}), 4);
  EXPECT_EQ(claims_.NextAfter(4, {ForDevice("cuda", 40)}), 0);
  EXPECT_EQ(claims_.NextAfter(0, {ForDevice("cuda", 40), ForDevice("cpu")}), 1);
  EXPECT_EQ(claims_.NextAfter(0, {}), 0);
}

TEST_F(WaitingClaimsTest, AJobWithItsMostWorkersIsForThese) {
  for (int64_t ticket = 1; ticket <= 4; ++ticket) Add(ticket, "worker-" + std::to_string(ticket), "cpu");
  GroupOffer offer;
  offer.is_for_all = false;
  offer.workers = {"worker-3", "worker-9"};
  EXPECT_EQ(claims_.NextAfter(0, {offer}), 3);
  EXPECT_EQ(claims_.NextAfter(3, {offer}), 0);
}

TEST_F(WaitingClaimsTest, WhatIsTakenIsInNoOrderAnyMore) {
  const absl::Time now = absl::UnixEpoch();
  Add(1, "a", "cpu", 0, now + absl::Seconds(2));
  Add(2, "b", "cpu", 0, now + absl::Seconds(1));
  EXPECT_EQ(claims_.NextDue(now), 0);
  EXPECT_EQ(claims_.NextDue(now + absl::Seconds(1)), 2);
  ASSERT_TRUE(claims_.Take(2).has_value());
  EXPECT_FALSE(claims_.Take(2).has_value());
  EXPECT_EQ(claims_.NextDue(now + absl::Seconds(1)), 0);
  EXPECT_EQ(claims_.NextDue(now + absl::Seconds(2)), 1);
  EXPECT_EQ(claims_.NextAfter(1, {ForDevice("cpu")}), 0);
  EXPECT_EQ(claims_.size(), 1);
}

}  // namespace
}  // namespace cohort::coordinator
