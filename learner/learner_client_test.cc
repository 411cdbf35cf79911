// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/telemetry/trace_context.h"
#include "common/testing/status_matchers.h"

namespace cohort::learner {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;
using Parts = std::vector<cohort::v1::GetStepResponse>;

// Sends parts, then does what the test wants.
class StepService final : public cohort::v1::LearnerService::Service {
 public:
  Parts parts;
  std::function<grpc::Status(grpc::ServerContext*)> then = [](grpc::ServerContext*) { return grpc::Status::OK; };

  grpc::Status GetStep(grpc::ServerContext* context, const cohort::v1::GetStepRequest*,
                       grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) override {
    for (const cohort::v1::GetStepResponse& part : parts) writer->Write(part);
    return then(context);
  }
};

cohort::v1::GetStepResponse Plan(int num_groups) {
  cohort::v1::GetStepResponse part;
  part.mutable_plan()->set_action(cohort::v1::STEP_ACTION_TRAIN);
  for (int i = 0; i < num_groups; ++i) part.mutable_plan()->add_groups()->set_group_id(i);
  return part;
}

cohort::v1::GetStepResponse Part(int64_t group_id, int num_rollouts, bool is_last) {
  cohort::v1::GetStepResponse part;
  part.mutable_group()->set_group_id(group_id);
  for (int i = 0; i < num_rollouts; ++i) part.mutable_group()->add_rollouts();
  part.set_is_last_part(is_last);
  return part;
}

class LearnerClientTest : public ::testing::Test {
 protected:
  absl::StatusOr<StepPayload> GetStep(absl::Duration silence = absl::Seconds(60)) {
    server_ = *common::GrpcServer::Create("127.0.0.1:0", {&service_}, /*enable_reflection=*/false);
    client_ = std::make_unique<LearnerClient>(common::CreateChannel(server_->Address()), silence);
    return client_->GetStep(cohort::v1::GetStepRequest());
  }
  absl::Status ErrorOf(Parts parts) {
    service_.parts = std::move(parts);
    return GetStep().status();
  }

  // Outlives the server: a handler may start when the client has given up already.
  absl::Notification has_returned_;
  StepService service_;
  std::unique_ptr<common::GrpcServer> server_;
  std::unique_ptr<LearnerClient> client_;
};

TEST_F(LearnerClientTest, PartsOfAGroupArePutTogether) {
  service_.parts = {Plan(2), Part(0, 2, false), Part(0, 1, true), Part(1, 1, true)};
  ASSERT_OK_AND_ASSIGN(const StepPayload payload, GetStep());
  ASSERT_EQ(payload.groups.size(), 2);
  EXPECT_EQ(payload.groups[0].rollouts_size(), 3);
  EXPECT_EQ(payload.groups[1].rollouts_size(), 1);
}

TEST_F(LearnerClientTest, PartsThatMakeNoStepAreRefused) {
  const auto refused = [](const char* why) { return StatusIs(absl::StatusCode::kInternal, HasSubstr(why)); };
  EXPECT_THAT(ErrorOf({Part(0, 1, true)}), refused("a part before the plan"));
  EXPECT_THAT(ErrorOf({Plan(1), Plan(1)}), refused("a second plan"));
  EXPECT_THAT(ErrorOf({Plan(1), Part(0, 1, true), Part(1, 1, true)}), refused("more groups than the plan has (1)"));
  EXPECT_THAT(ErrorOf({Plan(2), Part(0, 1, false), Part(1, 1, true)}), refused("a part of group 1 within group 0"));
  EXPECT_THAT(ErrorOf({Plan(1), Part(0, 1, false)}), refused("the last part is missing, group 0"));
  EXPECT_THAT(ErrorOf({Plan(1), cohort::v1::GetStepResponse()}), refused("a message without a part"));
  EXPECT_THAT(ErrorOf({}), refused("no plan came"));
}

TEST_F(LearnerClientTest, StepThatKeepsComingHasNoDeadline) {
  service_.parts = {Plan(1), Part(0, 1, true)};
  std::chrono::system_clock::time_point deadline;
  service_.then = [&deadline](grpc::ServerContext* context) {
    deadline = context->deadline();
    return grpc::Status::OK;
  };
  ASSERT_OK(GetStep());
  EXPECT_GT(deadline, std::chrono::system_clock::now() + std::chrono::hours(24));
}

TEST_F(LearnerClientTest, CallsAboutAStepCarryItsTraceContext) {
  service_.parts = {Plan(0)};
  std::string header;
  service_.then = [&header](grpc::ServerContext* context) {
    const auto found = context->client_metadata().find("traceparent");
    if (found != context->client_metadata().end()) header.assign(found->second.data(), found->second.size());
    return grpc::Status::OK;
  };
  ASSERT_OK(GetStep());
  const std::string trace_id = common::TraceIdOf("", "steps", 0);
  EXPECT_EQ(header, common::TraceParent(trace_id, common::SpanIdOf(trace_id, "GetStep")));
}

TEST_F(LearnerClientTest, StepThatStopsComingIsGivenUp) {
  service_.parts = {Plan(1), Part(0, 1, false)};
  service_.then = [this](grpc::ServerContext*) {
    has_returned_.WaitForNotification();
    return grpc::Status::OK;
  };
  const absl::Status status = GetStep(/*silence=*/absl::Milliseconds(100)).status();
  has_returned_.Notify();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("nothing more came for 100ms")));
}

TEST_F(LearnerClientTest, StepUnderWayCanBeCancelled) {
  service_.parts = {Plan(1)};
  absl::Notification is_under_way;
  service_.then = [&](grpc::ServerContext*) {
    is_under_way.Notify();
    has_returned_.WaitForNotification();
    return grpc::Status::OK;
  };
  std::thread canceller([&] {
    is_under_way.WaitForNotification();
    client_->CancelSteps();
  });
  const absl::Status status = GetStep().status();
  canceller.join();
  has_returned_.Notify();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace cohort::learner
