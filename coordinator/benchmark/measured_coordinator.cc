// SPDX-License-Identifier: Apache-2.0
#include "coordinator/benchmark/measured_coordinator.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "coordinator/testing/job_builder.h"

namespace cohort::coordinator {
namespace {

// A step plan is one message, so a job has so many groups per step at most; more are open through lag.
constexpr int64_t kMaxGroupsPerStep = 20'000;

}  // namespace

absl::StatusOr<std::unique_ptr<MeasuredCoordinator>> MeasuredCoordinator::Open(const Options& options) {
  std::unique_ptr<MeasuredCoordinator> self(new MeasuredCoordinator());
  const CoordinatorOptions coordinator{.data_dir = options.folder + "/data",
                                       .checkpoint_root = options.folder + "/runs",
                                       .model_root = options.folder,
                                       .data_root = options.folder,
                                       .lease_duration = options.lease_duration};
  const auto accept = [](const cohort::v1::JobSpec& spec, const std::string&,
                         const DatasetRoots&) -> absl::StatusOr<cohort::v1::JobSpec> { return spec; };
  COHORT_ASSIGN_OR_RETURN(self->coordinator_,
                          Coordinator::Open(coordinator, accept, common::SystemClock(), &self->registry_));
  self->jobs_ = std::make_unique<JobServiceImpl>(self->coordinator_.get());
  self->rollouts_ = std::make_unique<RolloutServiceImpl>(self->coordinator_.get());
  self->learners_ = std::make_unique<LearnerServiceImpl>(self->coordinator_.get());
  COHORT_ASSIGN_OR_RETURN(
      self->server_, common::GrpcServer::Create(
                         "127.0.0.1:0", {self->jobs_.get(), self->rollouts_.get(), self->learners_.get(), &self->echo_},
                         /*enable_reflection=*/false));
  return self;
}

MeasuredCoordinator::~MeasuredCoordinator() {
  if (coordinator_ != nullptr) coordinator_->EndPolls();
  server_.reset();
}

std::vector<std::shared_ptr<grpc::Channel>> MeasuredCoordinator::Connect(int num_channels) const {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < num_channels; ++i) channels.push_back(common::CreateChannel(address()));
  return channels;
}

absl::StatusOr<std::string> MeasuredCoordinator::StartJob(const std::string& id, int64_t num_groups, int32_t group_size,
                                                          int32_t max_tokens) {
  cohort::v1::CreateJobRequest request;
  request.set_job_id(id);
  *request.mutable_job()->mutable_spec() = MeasuredSpec(num_groups, group_size, max_tokens);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::Job job, coordinator_->jobs().Create(request));
  COHORT_RETURN_IF_ERROR(JoinAndPublish());
  return job.name();
}

absl::Status MeasuredCoordinator::JoinAndPublish() {
  cohort::v1::JoinGangRequest join;
  join.set_learner_id("rank");
  join.mutable_wait()->set_seconds(30);
  COHORT_ASSIGN_OR_RETURN(const auto place, coordinator_->gangs().Join(join, [] { return false; }));
  if (place.job().empty()) return absl::DeadlineExceededError("no gang was formed");
  rank_.set_learner_id(join.learner_id());
  rank_.set_job(place.job());
  rank_.set_incarnation(place.incarnation());
  cohort::v1::PublishVersionRequest publish;
  publish.set_job(place.job());
  publish.set_incarnation(place.incarnation());
  publish.set_version(0);
  publish.set_address("127.0.0.1:1");
  publish.set_digest(std::string(32, 'd'));
  COHORT_ASSIGN_OR_RETURN(const auto runtime, coordinator_->gangs().FindJob(place.job()));
  return runtime->PublishVersion(publish).status();
}

absl::Status MeasuredCoordinator::KeepRank() { return coordinator_->gangs().Heartbeat(rank_); }

absl::Status WriteProblems(const std::string& folder, int64_t num_rows) {
  std::ofstream file(folder + "/problems.jsonl", std::ios::binary);
  for (int64_t i = 0; i < num_rows; ++i) {
    file << R"({"question": "What is )" << i << " + " << i + 1 << R"(? Think step by step, then answer.", "answer": ")"
         << 2 * i + 1 << "\"}\n";
  }
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(folder, ": cannot write problems.jsonl"));
}

cohort::v1::JobSpec MeasuredSpec(int64_t num_groups, int32_t group_size, int32_t max_tokens) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  cohort::v1::RolloutSpec& rollout = *spec.mutable_rlvr()->mutable_rollout();
  const int64_t per_step = std::min(num_groups, kMaxGroupsPerStep);
  rollout.set_group_size(group_size);
  rollout.set_groups_per_step(static_cast<int32_t>(per_step));
  rollout.set_fixed_lag(static_cast<int32_t>((num_groups + per_step - 1) / per_step - 1));
  rollout.mutable_sampling()->set_max_completion_tokens(max_tokens);
  spec.mutable_training()->set_num_steps(1000);
  return spec;
}

}  // namespace cohort::coordinator
