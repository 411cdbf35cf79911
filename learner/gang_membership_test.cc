// SPDX-License-Identifier: Apache-2.0
#include "learner/gang_membership.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"

namespace cohort::learner {
namespace {

// Keeps every heartbeat; answers with `answer`.
class HeartbeatService final : public cohort::v1::LearnerService::Service {
 public:
  grpc::Status Heartbeat(grpc::ServerContext*, const cohort::v1::RankHeartbeatRequest* request,
                         cohort::v1::RankHeartbeatResponse*) override {
    absl::MutexLock lock(&mutex_);
    heartbeats_.push_back(*request);
    return answer_;
  }
  // Begins a step and brings no more of it until `release`.
  grpc::Status GetStep(grpc::ServerContext*, const cohort::v1::GetStepRequest*,
                       grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) override {
    cohort::v1::GetStepResponse part;
    part.mutable_plan()->set_action(cohort::v1::STEP_ACTION_TRAIN);
    writer->Write(part);
    step_begun.Notify();
    release.WaitForNotification();
    return grpc::Status::OK;
  }
  absl::Notification step_begun;
  absl::Notification release;

  void SetAnswer(grpc::Status answer) {
    absl::MutexLock lock(&mutex_);
    answer_ = std::move(answer);
  }
  // The first heartbeat that `matches`, once it came.
  template <typename Predicate>
  cohort::v1::RankHeartbeatRequest WaitFor(Predicate matches) {
    absl::MutexLock lock(&mutex_);
    const auto came = [&] {
      mutex_.AssertReaderHeld();
      return std::any_of(heartbeats_.begin(), heartbeats_.end(), matches);
    };
    mutex_.Await(absl::Condition(&came));
    return *std::find_if(heartbeats_.begin(), heartbeats_.end(), matches);
  }

 private:
  absl::Mutex mutex_;
  std::vector<cohort::v1::RankHeartbeatRequest> heartbeats_ ABSL_GUARDED_BY(mutex_);
  grpc::Status answer_ ABSL_GUARDED_BY(mutex_);
};

class GangMembershipTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = *common::GrpcServer::Create("127.0.0.1:0", {&service_}, /*enable_reflection=*/false);
    client_ = std::make_unique<LearnerClient>(common::CreateChannel(server_->Address()), absl::Minutes(10));
    place_.set_job("job");
    place_.set_incarnation(4);
    place_.set_rank(1);
  }

  HeartbeatService service_;
  std::unique_ptr<common::GrpcServer> server_;
  std::unique_ptr<LearnerClient> client_;
  common::Shutdown shutdown_;
  common::SimulatedClock clock_;
  cohort::v1::JoinGangResponse place_;
};

TEST_F(GangMembershipTest, TerminationIsToldAtOnceWithThePlace) {
  GangMembership membership({.learner_id = "a"}, client_.get(), &shutdown_, &clock_);
  membership.Enter(place_);
  shutdown_.Request();
  const auto heartbeat = service_.WaitFor([](const auto& request) { return request.is_draining(); });
  EXPECT_EQ(heartbeat.learner_id(), "a");
  EXPECT_EQ(heartbeat.job(), "job");
  EXPECT_EQ(heartbeat.incarnation(), 4);
  EXPECT_EQ(heartbeat.rank(), 1);
  EXPECT_TRUE(membership.IsDraining());
}

TEST_F(GangMembershipTest, AbortedHeartbeatMeansTheGangIsLostUntilTheNextPlace) {
  service_.SetAnswer(grpc::Status(grpc::StatusCode::ABORTED, "dissolved"));
  GangMembership membership({.learner_id = "a"}, client_.get(), &shutdown_, &clock_);
  membership.Enter(place_);
  membership.ReportError(absl::InvalidArgumentError("bad row"));  // sends a heartbeat and waits for its answer
  EXPECT_TRUE(membership.IsLost());
  EXPECT_EQ(service_.WaitFor([](const auto& request) { return !request.error().empty(); }).error(), "bad row");
  membership.Enter(place_);
  EXPECT_FALSE(membership.IsLost());
}

TEST_F(GangMembershipTest, LinesAreSentUntilAHeartbeatWithThemIsAnswered) {
  log::RecentLines lines("job");
  const std::vector<log::Field> fields = {{"job", "jobs/a"}, {"rank", 1}};
  lines.Add({.time = absl::Now(), .level = log::Level::kWarning, .event = "gang lost", .fields = fields});
  GangMembership membership({.learner_id = "a", .lines = &lines}, client_.get(), &shutdown_, &clock_);
  service_.SetAnswer(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no"));
  membership.ReportError(absl::InvalidArgumentError("one"));  // sends a heartbeat and waits for its answer
  EXPECT_EQ(lines.Oldest(10, 1000).size(), 1u);
  service_.SetAnswer(grpc::Status::OK);
  membership.ReportError(absl::InvalidArgumentError("two"));
  EXPECT_TRUE(lines.Oldest(10, 1000).empty());
  const auto heartbeat = service_.WaitFor([](const auto& request) { return request.error() == "two"; });
  ASSERT_EQ(heartbeat.log().lines_size(), 1);
  EXPECT_EQ(heartbeat.log().start_id(), lines.start_id());
  EXPECT_EQ(heartbeat.log().first_number(), 1);
  EXPECT_EQ(heartbeat.log().lines(0).job(), "jobs/a");
  EXPECT_EQ(heartbeat.log().lines(0).level(), cohort::v1::LOG_LEVEL_WARNING);
  EXPECT_EQ(heartbeat.log().lines(0).text(), "gang lost rank=1");
  membership.ReportError(absl::InvalidArgumentError("three"));
  const auto next = service_.WaitFor([](const auto& request) { return request.error() == "three"; });
  EXPECT_TRUE(next.log().lines().empty());
}

TEST_F(GangMembershipTest, SilentCoordinatorIsAbandonedOnlyWhileDraining) {
  GangMembership membership({.learner_id = "a"}, client_.get(), &shutdown_, &clock_);
  service_.SetAnswer(grpc::Status(grpc::StatusCode::UNAVAILABLE, "away"));
  clock_.Advance(absl::Seconds(31));
  EXPECT_FALSE(membership.IsAbandoned());
  shutdown_.Request();
  EXPECT_TRUE(membership.IsAbandoned());
}

TEST_F(GangMembershipTest, LostGangEndsAStepUnderWay) {
  GangMembership membership({.learner_id = "a"}, client_.get(), &shutdown_, &clock_);
  membership.Enter(place_);
  absl::Status status;
  std::thread rank([&] { status = client_->GetStep(cohort::v1::GetStepRequest()).status(); });
  service_.step_begun.WaitForNotification();
  service_.SetAnswer(grpc::Status(grpc::StatusCode::ABORTED, "dissolved"));
  clock_.Advance(absl::Seconds(3));  // the next heartbeat is due
  rank.join();
  service_.release.Notify();
  EXPECT_THAT(status, common::StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(membership.IsLost());
}

TEST_F(GangMembershipTest, AbandonedCoordinatorEndsAStepUnderWay) {
  GangMembership membership({.learner_id = "a"}, client_.get(), &shutdown_, &clock_);
  membership.Enter(place_);
  absl::Status status;
  std::thread rank([&] { status = client_->GetStep(cohort::v1::GetStepRequest()).status(); });
  service_.step_begun.WaitForNotification();
  service_.SetAnswer(grpc::Status(grpc::StatusCode::UNAVAILABLE, "away"));
  shutdown_.Request();
  clock_.Advance(absl::Seconds(31));
  rank.join();
  service_.release.Notify();
  EXPECT_THAT(status, common::StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(GangMembershipTest, IdempotentCallIsRepeatedWhileItMayPass) {
  GangMembership membership({.learner_id = "a"}, client_.get(), &shutdown_, &clock_);
  int calls = 0;
  EXPECT_OK(membership.Persist([&calls] { return ++calls < 3 ? absl::UnavailableError("away") : absl::OkStatus(); }));
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(membership.Persist([&calls] { return ++calls, absl::FailedPreconditionError("another digest"); }),
              common::StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(calls, 4);
}

}  // namespace
}  // namespace cohort::learner
