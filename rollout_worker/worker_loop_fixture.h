// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_WORKER_LOOP_FIXTURE_H_
#define COHORT_ROLLOUT_WORKER_WORKER_LOOP_FIXTURE_H_

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/model_config.h"
#include "model/weight_sync/weight_publisher.h"
#include "model/weight_sync/weight_subscriber.h"
#include "model/weights/checkpoint_folder.h"
#include "rollout_worker/testing/fake_coordinator.h"
#include "rollout_worker/testing/tiny_model.h"
#include "rollout_worker/worker_loop.h"

namespace cohort::rollout_worker {

// Forked in main, before any thread. The second and third are for tests that end them.
inline reward::Zygote* zygote = nullptr;
inline reward::Zygote* zygote_to_interrupt = nullptr;
inline reward::Zygote* zygote_to_kill = nullptr;

// A worker loop against a fake coordinator that also publishes the weights of a tiny model.
class WorkerLoopFixture : public ::testing::Test {
 protected:
  using Record = FakeCoordinator::Record;

  static constexpr char kJob[] = "namespaces/default/jobs/test";

  void SetUp() override {
    at::set_num_threads(1);
    ASSERT_OK(WriteTinyModel(dir_.Join("model"), /*seed=*/5));
    ASSERT_OK_AND_ASSIGN(config_, model::LoadModelConfig(dir_.Join("model")));
    ASSERT_OK_AND_ASSIGN(publisher_, model::WeightPublisher::Create(dir_.path()));
    setup_.set_job(kJob);
    setup_.set_model_path(dir_.Join("model"));
    setup_.mutable_reward()->add_verifiers()->mutable_math_answer();
    *setup_.mutable_evaluation_reward() = setup_.reward();
    MakeCoordinator();
  }

  // With what `setup_` says now.
  void MakeCoordinator() {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
    coordinator_ = std::make_unique<FakeCoordinator>(setup_);
    ASSERT_OK_AND_ASSIGN(server_, common::GrpcServer::Create("127.0.0.1:0", {coordinator_.get(), publisher_->service()},
                                                             /*enable_reflection=*/false));
  }

  void TearDown() override {
    Stop();
    server_->Shutdown(absl::ZeroDuration());
  }

  // Version v is the folder's weights, the last norm scaled by v + 1.
  model::ParameterMap Weights(int64_t version) const {
    model::ParameterMap weights = *model::LoadParameters(dir_.Join("model"), config_, at::kCPU);
    weights.Find("model.norm.weight").mul_(static_cast<double>(version + 1));
    return weights;
  }

  void Publish(int64_t version, bool with_wrong_digest = false) {
    ASSERT_OK_AND_ASSIGN(const cohort::v1::WeightManifest manifest,
                         publisher_->Publish(kJob, version, Weights(version)));
    cohort::v1::WeightSource source;
    source.set_job(kJob);
    source.set_policy_version(version);
    source.set_address(server_->Address());
    source.set_digest(with_wrong_digest ? std::string(32, 'x') : manifest.digest());
    coordinator_->AddWeights(source);
  }

  static cohort::v1::GroupAssignment Group(int64_t id, int64_t version, int32_t group_size, int32_t max_tokens) {
    cohort::v1::GroupAssignment group;
    group.set_job(kJob);
    group.set_group_id(id);
    group.mutable_problem()->set_problem_id(100 + id);
    group.mutable_problem()->set_prompt("12+34=");
    group.mutable_problem()->set_answer("46");
    group.set_group_size(group_size);
    group.mutable_sampling()->set_max_completion_tokens(max_tokens);
    group.set_policy_version(version);
    group.set_purpose(id % 2 == 0 ? cohort::v1::GROUP_PURPOSE_TRAIN : cohort::v1::GROUP_PURPOSE_EVALUATE);
    group.set_seed(9);
    return group;
  }

  void Start(int32_t max_sequences = 16) {
    WorkerLoopOptions options;
    options.drain_grace = drain_grace_;
    options.worker.set_worker_id("worker-0");
    options.worker.set_processor("test");
    options.worker.set_max_sequences(max_sequences);
    options.coordinator = common::CreateChannel(server_->Address());
    options.engine = {.max_sequences = max_sequences, .kv_cache_tokens = 8192};
    loop_ = std::make_unique<WorkerLoop>(options,
                                         WorkerLoopDeps{.shutdown = &shutdown_,
                                                        .clock = common::SystemClock(),
                                                        .zygote = zygote_,
                                                        .metrics = &metrics_,
                                                        .health = &health_,
                                                        .lines = &lines_},
                                         model::CreateWeightSubscriber(/*allow_shared_memory=*/true));
    thread_ = std::thread([this] { result_ = loop_->Run(); });
  }

  // Within a generous time.
  bool WaitUntilReady() {
    return coordinator_->WaitUntil([this](const Record&) { return health_.IsReady(); });
  }

  void Stop() {
    shutdown_.Request();
    if (thread_.joinable()) thread_.join();
    loop_.reset();
    EXPECT_EQ(result_.code(), expected_code_) << result_;
  }

  common::TempDir dir_;
  model::ModelConfig config_;
  cohort::v1::RolloutSetup setup_;
  reward::Zygote* zygote_ = zygote;
  absl::Duration drain_grace_ = absl::Seconds(10);
  absl::StatusCode expected_code_ = absl::StatusCode::kOk;
  absl::Status result_;
  std::unique_ptr<model::WeightPublisher> publisher_;
  std::unique_ptr<FakeCoordinator> coordinator_;
  std::unique_ptr<common::GrpcServer> server_;
  common::Shutdown shutdown_;
  prometheus::Registry registry_;
  RolloutWorkerMetrics metrics_{&registry_};
  common::Health health_;
  log::RecentLines lines_{"job"};
  std::unique_ptr<WorkerLoop> loop_;
  std::thread thread_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_WORKER_LOOP_FIXTURE_H_
