// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_queue.h"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// Groups that anybody may take, one per claim.
class ClaimQueueTest : public ::testing::Test {
 protected:
  ClaimQueueTest() {
    ClaimQueue::Source source;
    source.claim = [this](const cohort::v1::ClaimGroupsRequest& request, cohort::v1::ClaimGroupsResponse* response) {
      return Claim(request, response);
    };
    source.offers = [this] {
      absl::MutexLock lock(&mutex_);
      return num_groups_ > 0 ? std::vector<GroupOffer>{offer_} : std::vector<GroupOffer>();
    };
    queue_ = std::make_unique<ClaimQueue>(std::move(source), &signal_);
  }

  absl::Status Claim(const cohort::v1::ClaimGroupsRequest& request, cohort::v1::ClaimGroupsResponse* response) {
    absl::MutexLock lock(&mutex_);
    ++num_looks_;
    if (num_groups_ > 0 && request.worker().worker_id() != refused_worker_) {
      --num_groups_;
      response->add_groups()->set_group_id(num_groups_);
    }
    return absl::OkStatus();
  }

  void AddGroups(int count) {
    {
      absl::MutexLock lock(&mutex_);
      num_groups_ += count;
    }
    signal_.Notify();
  }

  using Response = absl::StatusOr<const cohort::v1::ClaimGroupsResponse*>;

  int64_t Add(const std::string& worker, std::function<void(Response)> answer,
              absl::Time deadline = absl::InfiniteFuture(), const std::string& device = "cpu") {
    Call& call = calls_.emplace_back();
    call.request.mutable_worker()->set_worker_id(worker);
    call.request.mutable_worker()->set_device(device);
    return queue_->Add(&call.request, deadline, &call.response,
                       [&call, answer = std::move(answer)](const absl::Status& status) {
                         answer(status.ok() ? Response(&call.response) : Response(status));
                       });
  }

  int NumLooks() {
    absl::MutexLock lock(&mutex_);
    return num_looks_;
  }

  struct Call {
    cohort::v1::ClaimGroupsRequest request;
    cohort::v1::ClaimGroupsResponse response;
  };

  std::deque<Call> calls_;
  ChangeSignal signal_;
  GroupOffer offer_;
  absl::Mutex mutex_;
  int num_groups_ ABSL_GUARDED_BY(mutex_) = 0;
  int num_looks_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string refused_worker_;
  std::unique_ptr<ClaimQueue> queue_;
};

TEST_F(ClaimQueueTest, AnswersAtOnceWhenThereAreGroups) {
  AddGroups(1);
  int num_groups = 0;
  EXPECT_EQ(Add("a", [&](Response response) { num_groups = (*response)->groups_size(); }), 0);
  EXPECT_EQ(num_groups, 1);
  EXPECT_EQ(queue_->NumWaiting(), 0);
}

TEST_F(ClaimQueueTest, GroupsThatComeLaterGoToTheOldestClaims) {
  absl::Mutex mutex;
  std::vector<std::string> served;
  absl::BlockingCounter two(2);
  for (const std::string worker : {"first", "second", "third"}) {
    Add(worker, [&, worker](Response response) {
      if (!response.ok() || (*response)->groups_size() == 0) return;
      {
        absl::MutexLock lock(&mutex);
        served.push_back(worker);
      }
      two.DecrementCount();
    });
  }
  AddGroups(2);
  two.Wait();
  EXPECT_EQ(served, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(queue_->NumWaiting(), 1);
}

TEST_F(ClaimQueueTest, AGroupWakesOneOfAThousandClaims) {
  std::atomic<int> num_answers = 0;
  absl::Notification answered;
  for (int i = 0; i < 1000; ++i) {
    Add("worker", [&](Response response) {
      if (response.ok() && (*response)->groups_size() == 1 && ++num_answers == 1) answered.Notify();
    });
  }
  const int num_looks = NumLooks();
  AddGroups(1);
  answered.WaitForNotification();
  EXPECT_EQ(num_answers, 1);
  // It, and no other, looked once more.
  EXPECT_EQ(NumLooks(), num_looks + 1);
  EXPECT_EQ(queue_->NumWaiting(), 999);
}

TEST_F(ClaimQueueTest, AClaimThatGetsNothingKeepsItsPlaceAndHoldsUpNobody) {
  refused_worker_ = "picky";
  absl::Notification answered;
  Add("picky", [](Response) {});
  Add("other", [&](Response response) {
    if (response.ok() && (*response)->groups_size() == 1) answered.Notify();
  });
  AddGroups(1);
  answered.WaitForNotification();
  EXPECT_EQ(queue_->NumWaiting(), 1);
}

TEST_F(ClaimQueueTest, AGroupThatIsNotForThemDisturbsNoneOfAThousandClaims) {
  offer_.requirement.set_device("cuda");
  for (int i = 0; i < 1000; ++i) Add("worker", [](Response) {});
  absl::Notification answered;
  Add(
      "other", [&](Response) { answered.Notify(); }, absl::InfiniteFuture(), "cuda:0");
  const int num_looks = NumLooks();
  AddGroups(2);
  answered.WaitForNotification();
  EXPECT_EQ(NumLooks(), num_looks + 1);
  EXPECT_EQ(queue_->NumWaiting(), 1000);
}

TEST_F(ClaimQueueTest, AnswersEmptyAtTheDeadline) {
  absl::Notification answered;
  Add(
      "a",
      [&](Response response) {
        if (response.ok() && (*response)->groups_size() == 0) answered.Notify();
      },
      absl::Now() + absl::Milliseconds(1));
  answered.WaitForNotification();
  EXPECT_EQ(queue_->NumWaiting(), 0);
}

TEST_F(ClaimQueueTest, ACancelledClaimIsAnsweredAndTakesNoGroup) {
  absl::Status status;
  const int64_t ticket = Add("a", [&](Response response) { status = response.status(); });
  queue_->Cancel(ticket);
  EXPECT_TRUE(absl::IsCancelled(status));
  AddGroups(1);
  queue_->Close();
  queue_.reset();
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(num_groups_, 1);
}

TEST_F(ClaimQueueTest, CloseAnswersAllThatWait) {
  absl::BlockingCounter all(3);
  for (int i = 0; i < 3; ++i) Add("a", [&](Response) { all.DecrementCount(); });
  queue_->Close();
  all.Wait();
  EXPECT_EQ(queue_->NumWaiting(), 0);
}

TEST(ClaimQueueRaceTest, AClaimThatComesWhileTheQueueClosesIsAnsweredAtOnce) {
  ChangeSignal signal;
  std::unique_ptr<ClaimQueue> queue;
  ClaimQueue::Source source;
  source.claim = [&queue](const cohort::v1::ClaimGroupsRequest&, cohort::v1::ClaimGroupsResponse*) {
    queue->Close();
    return absl::OkStatus();
  };
  source.offers = [] { return std::vector<GroupOffer>(); };
  queue = std::make_unique<ClaimQueue>(std::move(source), &signal);
  const cohort::v1::ClaimGroupsRequest request;
  cohort::v1::ClaimGroupsResponse response;
  int num_answers = 0;
  EXPECT_EQ(queue->Add(&request, absl::InfiniteFuture(), &response,
                       [&](const absl::Status& status) { num_answers += status.ok(); }),
            0);
  EXPECT_EQ(num_answers, 1);
}

TEST(ClaimQueueRaceTest, AGroupThatComesWhileItsClaimIsLookedAtIsNotMissed) {
  const std::thread::id adder = std::this_thread::get_id();
  ChangeSignal signal;
  std::atomic<int> num_looks = 0;
  absl::Notification passed;
  ClaimQueue::Source source;
  source.claim = [&](const cohort::v1::ClaimGroupsRequest&, cohort::v1::ClaimGroupsResponse* response) {
    const int look = ++num_looks;
    // Add looks again when it has parked the claim. Then the group comes, too late for this look.
    if (look <= 2) signal.Notify();
    if (look == 2) passed.WaitForNotification();
    if (look > 2) response->add_groups();
    return absl::OkStatus();
  };
  source.offers = [&] {
    if (std::this_thread::get_id() == adder) return std::vector<GroupOffer>(1);
    // The thread of the queue serves it to those that wait, and this claim is not among them.
    if (num_looks == 2 && !passed.HasBeenNotified()) passed.Notify();
    return std::vector<GroupOffer>();
  };
  ClaimQueue queue(std::move(source), &signal);
  const cohort::v1::ClaimGroupsRequest request;
  cohort::v1::ClaimGroupsResponse response;
  queue.Add(&request, absl::InfiniteFuture(), &response, [](const absl::Status&) {});
  EXPECT_EQ(response.groups_size(), 1);
  EXPECT_EQ(queue.NumWaiting(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
