// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/faulty_proxy.h"

#include <chrono>
#include <optional>
#include <vector>

#include "absl/time/time.h"

namespace cohort::coordinator {
namespace {

// Longer than a call waits to be overtaken.
constexpr auto kCallTimeout = std::chrono::seconds(20);
constexpr absl::Duration kLongestWait = absl::Milliseconds(100);

class CallToCoordinator final {
 public:
  CallToCoordinator() { context_.set_deadline(std::chrono::system_clock::now() + kCallTimeout); }
  operator grpc::ClientContext*() { return &context_; }  // NOLINT: one argument of a stub's method

 private:
  grpc::ClientContext context_;
};

// Reads a stream to its end and passes on what comes.
template <typename Response>
grpc::Status PassOn(grpc::ClientReader<Response>* reader, grpc::ServerWriter<Response>* writer) {
  Response response;
  while (reader->Read(&response)) writer->Write(response);
  return reader->Finish();
}

class JobProxy final : public cohort::v1::JobService::Service {
 public:
  explicit JobProxy(FaultyProxy* proxy) : proxy_(proxy) {}
  grpc::Status CreateJob(grpc::ServerContext*, const cohort::v1::CreateJobRequest* request,
                         cohort::v1::Job* response) override {
    return proxy_->Forward(
        [&](const CoordinatorStubs& stubs) { return stubs.jobs->CreateJob(CallToCoordinator(), *request, response); });
  }
  grpc::Status GetJob(grpc::ServerContext*, const cohort::v1::GetJobRequest* request,
                      cohort::v1::Job* response) override {
    return proxy_->Forward(
        [&](const CoordinatorStubs& stubs) { return stubs.jobs->GetJob(CallToCoordinator(), *request, response); });
  }
  grpc::Status CancelJob(grpc::ServerContext*, const cohort::v1::CancelJobRequest* request,
                         cohort::v1::Job* response) override {
    return proxy_->Forward(
        [&](const CoordinatorStubs& stubs) { return stubs.jobs->CancelJob(CallToCoordinator(), *request, response); });
  }
  grpc::Status WatchJob(grpc::ServerContext*, const cohort::v1::WatchJobRequest* request,
                        grpc::ServerWriter<cohort::v1::JobEvent>* writer) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      CallToCoordinator call;
      return PassOn(stubs.jobs->WatchJob(call, *request).get(), writer);
    });
  }

 private:
  FaultyProxy* const proxy_;
};

class RolloutProxy final : public cohort::v1::RolloutService::Service {
 public:
  explicit RolloutProxy(FaultyProxy* proxy) : proxy_(proxy) {}
  grpc::Status ClaimGroups(grpc::ServerContext*, const cohort::v1::ClaimGroupsRequest* request,
                           cohort::v1::ClaimGroupsResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.rollouts->ClaimGroups(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status GetRolloutSetup(grpc::ServerContext*, const cohort::v1::GetRolloutSetupRequest* request,
                               cohort::v1::RolloutSetup* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.rollouts->GetRolloutSetup(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status Heartbeat(grpc::ServerContext*, const cohort::v1::WorkerHeartbeatRequest* request,
                         cohort::v1::WorkerHeartbeatResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.rollouts->Heartbeat(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status SubmitGroups(grpc::ServerContext*, grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                            cohort::v1::SubmitGroupsResponse* response) override {
    std::vector<cohort::v1::SubmitGroupsRequest> requests;
    while (reader->Read(&requests.emplace_back())) continue;
    requests.pop_back();
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      CallToCoordinator call;
      response->Clear();
      const auto writer = stubs.rollouts->SubmitGroups(call, response);
      for (const auto& request : requests) writer->Write(request);
      writer->WritesDone();
      return writer->Finish();
    });
  }
  grpc::Status ReleaseGroups(grpc::ServerContext*, const cohort::v1::ReleaseGroupsRequest* request,
                             cohort::v1::ReleaseGroupsResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.rollouts->ReleaseGroups(CallToCoordinator(), *request, response);
    });
  }

 private:
  FaultyProxy* const proxy_;
};

class LearnerProxy final : public cohort::v1::LearnerService::Service {
 public:
  explicit LearnerProxy(FaultyProxy* proxy) : proxy_(proxy) {}
  grpc::Status JoinGang(grpc::ServerContext*, const cohort::v1::JoinGangRequest* request,
                        cohort::v1::JoinGangResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.learners->JoinGang(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status GetStep(grpc::ServerContext* context, const cohort::v1::GetStepRequest* request,
                       grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) override {
    // As the coordinator does: UNAVAILABLE is an answer here, which the channel must not repeat by itself.
    context->AddTrailingMetadata("grpc-retry-pushback-ms", "-1");
    std::optional<grpc::Status> answer;
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      CallToCoordinator call;
      const auto reader = stubs.learners->GetStep(call, *request);
      if (!answer.has_value()) return answer.emplace(PassOn(reader.get(), writer));
      // A stream of two answers is not one that gRPC can bring: the second time is for the coordinator only, its status
      // too. The first may have found no plan yet.
      cohort::v1::GetStepResponse ignored;
      while (reader->Read(&ignored)) continue;
      (void)reader->Finish();
      return *answer;
    });
  }
  grpc::Status CommitStep(grpc::ServerContext*, const cohort::v1::CommitStepRequest* request,
                          cohort::v1::CommitStepResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.learners->CommitStep(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status PublishVersion(grpc::ServerContext*, const cohort::v1::PublishVersionRequest* request,
                              cohort::v1::PublishVersionResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.learners->PublishVersion(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status SealCheckpoint(grpc::ServerContext*, const cohort::v1::SealCheckpointRequest* request,
                              cohort::v1::SealCheckpointResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.learners->SealCheckpoint(CallToCoordinator(), *request, response);
    });
  }
  grpc::Status Heartbeat(grpc::ServerContext*, const cohort::v1::RankHeartbeatRequest* request,
                         cohort::v1::RankHeartbeatResponse* response) override {
    return proxy_->Forward([&](const CoordinatorStubs& stubs) {
      return stubs.learners->Heartbeat(CallToCoordinator(), *request, response);
    });
  }

 private:
  FaultyProxy* const proxy_;
};

grpc::Status Lost() { return {grpc::StatusCode::UNAVAILABLE, "the proxy has lost the call"}; }

}  // namespace

FaultyProxy::FaultyProxy(LoopbackCoordinator* coordinator, const ProxyFaults& faults)
    : coordinator_(coordinator),
      faults_(faults),
      random_(faults.seed),
      jobs_(std::make_unique<JobProxy>(this)),
      rollouts_(std::make_unique<RolloutProxy>(this)),
      learners_(std::make_unique<LearnerProxy>(this)),
      server_(*common::GrpcServer::Create("127.0.0.1:0", {jobs_.get(), rollouts_.get(), learners_.get()},
                                          /*enable_reflection=*/false)) {}

FaultyProxy::~FaultyProxy() { server_.reset(); }

grpc::Status FaultyProxy::Forward(const std::function<grpc::Status(const CoordinatorStubs& stubs)>& serve) {
  if (IsHit(faults_.overtaken)) LetOthersPass();
  if (IsHit(faults_.lost_before)) return Lost();
  const CoordinatorStubs stubs = coordinator_->ConnectDirectly();
  if (stubs.jobs == nullptr) return Lost();
  const bool is_twice = IsHit(faults_.served_twice);
  const bool is_lost = IsHit(faults_.lost_after);
  grpc::Status status = serve(stubs);
  if (is_twice) status = serve(stubs);
  absl::MutexLock lock(&mutex_);
  ++num_served_;
  return is_lost ? Lost() : status;
}

bool FaultyProxy::IsHit(int64_t per_mille) {
  absl::MutexLock lock(&mutex_);
  const bool is_hit = random_.Chance(per_mille) && !is_healed_;
  if (is_hit) ++num_faults_;
  return is_hit;
}

void FaultyProxy::LetOthersPass() {
  absl::MutexLock lock(&mutex_);
  const int64_t awaited = num_served_ + random_.Between(1, 4);
  const auto is_overtaken = [this, awaited]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return num_served_ >= awaited; };
  mutex_.AwaitWithTimeout(absl::Condition(&is_overtaken), kLongestWait);
}

}  // namespace cohort::coordinator
