// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/loopback_coordinator.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "common/grpc_channel.h"

namespace cohort::coordinator {

void LoopbackCoordinator::Start() {
  const CoordinatorOptions options{.data_dir = folder_.Join("data"),
                                   .checkpoint_root = folder_.Join("runs"),
                                   .model_root = folder_.path(),
                                   .data_root = folder_.path(),
                                   .lease_duration = absl::Seconds(30),
                                   .tick_interval = absl::ZeroDuration()};
  const auto accept = [](const cohort::v1::JobSpec& spec, const std::string&,
                         const DatasetRoots&) -> absl::StatusOr<cohort::v1::JobSpec> { return spec; };
  registry_ = std::make_unique<prometheus::Registry>();
  auto coordinator = Coordinator::Open(options, accept, &clock_, registry_.get());
  if (!coordinator.ok()) {
    std::fprintf(stderr, "cannot open the coordinator: %s\n", coordinator.status().ToString().c_str());
    std::abort();
  }
  coordinator_ = *std::move(coordinator);
  jobs_ = std::make_unique<JobServiceImpl>(coordinator_.get());
  rollouts_ = std::make_unique<RolloutServiceImpl>(coordinator_.get());
  learners_ = std::make_unique<LearnerServiceImpl>(coordinator_.get());
  server_ = *common::GrpcServer::Create("127.0.0.1:0", {jobs_.get(), rollouts_.get(), learners_.get()},
                                        /*enable_reflection=*/false);
  absl::MutexLock lock(&mutex_);
  address_ = server_->Address();
}

void LoopbackCoordinator::Kill() {
  {
    absl::MutexLock lock(&mutex_);
    address_.clear();
  }
  if (coordinator_ != nullptr) coordinator_->EndPolls();
  server_.reset();
  learners_.reset();
  rollouts_.reset();
  jobs_.reset();
  coordinator_.reset();
  registry_.reset();
}

CoordinatorStubs LoopbackCoordinator::Connect() { return ConnectBy(/*is_routed=*/true); }

CoordinatorStubs LoopbackCoordinator::ConnectDirectly() { return ConnectBy(/*is_routed=*/false); }

void LoopbackCoordinator::RouteThrough(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  route_ = address;
}

CoordinatorStubs LoopbackCoordinator::ConnectBy(bool is_routed) {
  const auto is_decided = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return is_closed_ || !address_.empty(); };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&is_decided));
  if (is_closed_) return {};
  const auto channel = common::CreateChannel(is_routed && !route_.empty() ? route_ : address_);
  return {.jobs = cohort::v1::JobService::NewStub(channel),
          .rollouts = cohort::v1::RolloutService::NewStub(channel),
          .learners = cohort::v1::LearnerService::NewStub(channel)};
}

void LoopbackCoordinator::Close() {
  absl::MutexLock lock(&mutex_);
  is_closed_ = true;
}

bool LoopbackCoordinator::IsClosed() {
  absl::MutexLock lock(&mutex_);
  return is_closed_;
}

std::string LoopbackCoordinator::WriteFile(const std::string& name, const std::string& content) const {
  std::ofstream(folder_.Join(name), std::ios::binary) << content;
  return folder_.Join(name);
}

}  // namespace cohort::coordinator
