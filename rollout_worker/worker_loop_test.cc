// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/worker_loop.h"

#include <ATen/Parallel.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/grpc_server.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/logprob.h"
#include "model/weight_sync/weight_publisher.h"
#include "model/weights/checkpoint_folder.h"
#include "rollout_worker/testing/fake_coordinator.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

using ::testing::HasSubstr;
using Record = FakeCoordinator::Record;

constexpr char kJob[] = "namespaces/default/jobs/test";

// Forked in main, before any thread.
reward::Zygote* zygote = nullptr;

class WorkerLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    ASSERT_OK(WriteTinyModel(dir_.Join("model"), /*seed=*/5));
    ASSERT_OK_AND_ASSIGN(config_, model::LoadModelConfig(dir_.Join("model")));
    ASSERT_OK_AND_ASSIGN(publisher_, model::WeightPublisher::Create(dir_.path()));
    cohort::v1::RolloutSetup setup;
    setup.set_job(kJob);
    setup.set_model_path(dir_.Join("model"));
    setup.mutable_reward()->add_verifiers()->mutable_math_answer();
    *setup.mutable_evaluation_reward() = setup.reward();
    coordinator_ = std::make_unique<FakeCoordinator>(setup);
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
    options.worker.set_worker_id("worker-0");
    options.worker.set_processor("test");
    options.worker.set_max_sequences(max_sequences);
    options.coordinator_address = server_->Address();
    options.engine = {.max_sequences = max_sequences, .kv_cache_tokens = 8192};
    loop_ = std::make_unique<WorkerLoop>(options,
                                         WorkerLoopDeps{.shutdown = &shutdown_,
                                                        .clock = common::SystemClock(),
                                                        .zygote = zygote,
                                                        .metrics = &metrics_,
                                                        .health = &health_},
                                         model::CreateWeightSubscriber(/*allow_shared_memory=*/true));
    thread_ = std::thread([this] { EXPECT_OK(loop_->Run()); });
  }

  void Stop() {
    shutdown_.Request();
    if (thread_.joinable()) thread_.join();
    loop_.reset();
  }

  // What the learner computes for one completion.
  std::vector<float> PackedLogprobs(int64_t version, const cohort::v1::RolloutGroup& group,
                                    const cohort::v1::Rollout& rollout) {
    const auto decoder = model::Decoder::Create(config_, Weights(version));
    EXPECT_OK(decoder);
    model::PackedBatch batch;
    batch.token_ids.assign(group.prompt_token_ids().begin(), group.prompt_token_ids().end());
    std::vector<int64_t> rows;
    for (int t = 0; t < rollout.token_ids_size(); ++t) rows.push_back(group.prompt_token_ids_size() - 1 + t);
    const std::vector<int32_t> targets(rollout.token_ids().begin(), rollout.token_ids().end());
    batch.token_ids.insert(batch.token_ids.end(), targets.begin(), targets.end());
    batch.cu_seqlens = {0, static_cast<int32_t>(batch.token_ids.size())};
    const auto hidden_TD = (*decoder)->ForwardPacked(batch);
    EXPECT_OK(hidden_TD);
    const auto result =
        model::ComputeTokenLogprobs(at::index_select(*hidden_TD, 0, at::tensor(at::ArrayRef<int64_t>(rows), at::kLong)),
                                    (*decoder)->OutputWeight(), targets, /*temperature=*/1);
    EXPECT_OK(result);
    const float* values = result->logprobs_T.const_data_ptr<float>();
    return std::vector<float>(values, values + targets.size());
  }

  common::TempDir dir_;
  model::ModelConfig config_;
  std::unique_ptr<model::WeightPublisher> publisher_;
  std::unique_ptr<FakeCoordinator> coordinator_;
  std::unique_ptr<common::GrpcServer> server_;
  common::Shutdown shutdown_;
  prometheus::Registry registry_;
  RolloutWorkerMetrics metrics_{&registry_};
  common::Health health_;
  std::unique_ptr<WorkerLoop> loop_;
  std::thread thread_;
};

TEST_F(WorkerLoopTest, GroupsComeBackScoredAndSampledByTheirVersion) {
  Publish(0);
  Publish(1);
  for (int64_t id = 0; id < 12; ++id) coordinator_->AddGroup(Group(id, /*version=*/id / 6, /*group_size=*/4, 20));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.size() == 12; }));
  const Record record = coordinator_->Look();
  for (const auto& [id, group] : record.submitted) {
    EXPECT_EQ(group.policy_version(), id / 6);
    EXPECT_EQ(group.worker_id(), "worker-0");
    EXPECT_EQ(group.attempt(), 1);
    EXPECT_EQ(group.problem_id(), 100 + id);
    EXPECT_EQ(group.prompt_token_ids_size(), 6);
    ASSERT_EQ(group.rollouts_size(), 4);
    for (int sibling = 0; sibling < 4; ++sibling) {
      const cohort::v1::Rollout& rollout = group.rollouts(sibling);
      EXPECT_EQ(rollout.sibling(), sibling);
      const bool is_eos = rollout.finish_reason() == cohort::v1::FINISH_REASON_EOS;
      EXPECT_EQ(static_cast<int>(rollout.text().size()), rollout.token_ids_size() - (is_eos ? 1 : 0));
      EXPECT_EQ(rollout.outcome(), cohort::v1::SCORE_OUTCOME_GRADED);
      EXPECT_EQ(rollout.scores_size(), 1);
      const std::vector<float> sampled(rollout.behavior_logprobs().begin(), rollout.behavior_logprobs().end());
      EXPECT_EQ(sampled, PackedLogprobs(group.policy_version(), group, rollout));
    }
  }
  EXPECT_TRUE(record.different_submits.empty());
  EXPECT_TRUE(health_.IsReady());
}

TEST_F(WorkerLoopTest, LostLeaseStopsSampling) {
  Publish(0);
  // Thousands of steps, so that the lease is lost long before the last.
  coordinator_->AddGroup(Group(1, 0, /*group_size=*/2000, /*max_tokens=*/150));
  Start(/*max_sequences=*/1);
  ASSERT_TRUE(coordinator_->WaitUntil(
      [](const Record& record) { return record.renewed.count(1) > 0 && record.generated_tokens > 0; }));
  coordinator_->LoseLease(1);
  coordinator_->AddGroup(Group(2, 0, 1, 4));
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(2) > 0; }));
  const Record record = coordinator_->Look();
  EXPECT_EQ(record.submitted.count(1), 0u);
  EXPECT_EQ(record.released.count(1), 0u);
}

TEST_F(WorkerLoopTest, VersionWithWrongDigestIsRefusedAndItsGroupsFail) {
  Publish(0, /*with_wrong_digest=*/true);
  Publish(1);
  coordinator_->AddGroup(Group(1, /*version=*/0, 2, 8));
  coordinator_->AddGroup(Group(2, /*version=*/1, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil(
      [](const Record& record) { return record.submitted.count(2) > 0 && record.released.count(1) > 0; }));
  EXPECT_THAT(coordinator_->Look().released.at(1), HasSubstr("digest of policy version 0"));
  EXPECT_EQ(coordinator_->Look().submitted.count(1), 0u);
  EXPECT_EQ(metrics_.refused_versions.Value(), 1);
}

TEST_F(WorkerLoopTest, ShutdownReleasesUnfinishedGroupsWithoutBlame) {
  Publish(0);
  coordinator_->AddGroup(Group(1, 0, /*group_size=*/2000, /*max_tokens=*/150));
  Start(/*max_sequences=*/2);
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.generated_tokens > 0; }));
  Stop();
  const Record record = coordinator_->Look();
  EXPECT_EQ(record.submitted.size(), 0u);
  ASSERT_EQ(record.released.count(1), 1u);
  EXPECT_EQ(record.released.at(1), "");
}

TEST_F(WorkerLoopTest, ShutdownEndsALongPollAtOnce) {
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.num_claims_under_way > 0; }));
  const absl::Time start = absl::Now();
  Stop();
  // The poll waits 10 s.
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
}

TEST_F(WorkerLoopTest, SubmitIsRepeatedUnchangedUntilAcknowledged) {
  Publish(0);
  coordinator_->FailNextSubmits(7);
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) {
    const auto count = record.num_submits.find(1);
    return count != record.num_submits.end() && count->second > 7;
  }));
  Stop();
  const Record record = coordinator_->Look();
  EXPECT_TRUE(record.different_submits.empty());
  EXPECT_TRUE(record.released.empty());
  EXPECT_EQ(metrics_.Groups(kJob, "submitted").Value(), 1);
}

TEST_F(WorkerLoopTest, UnknownWorkerRegistersAgainByClaiming) {
  Publish(0);
  coordinator_->FailNextClaims(2);
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(1) > 0; }));
  const Record record = coordinator_->Look();
  ASSERT_GE(record.claimed_by.size(), 3u);
  for (const cohort::v1::WorkerDescription& worker : record.claimed_by) {
    EXPECT_EQ(worker.worker_id(), "worker-0");
    EXPECT_EQ(worker.processor(), "test");
  }
}

TEST_F(WorkerLoopTest, UnusablePromptFailsItsGroupAlone) {
  Publish(0);
  cohort::v1::GroupAssignment too_long = Group(1, 0, 2, 8);
  too_long.mutable_problem()->set_prompt(std::string(kTinyContext, '7'));
  coordinator_->AddGroup(too_long);
  cohort::v1::GroupAssignment foreign = Group(3, 0, 2, 8);
  foreign.mutable_problem()->set_prompt("abc");
  coordinator_->AddGroup(foreign);
  coordinator_->AddGroup(Group(2, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil(
      [](const Record& record) { return record.submitted.count(2) > 0 && record.released.size() == 2; }));
  EXPECT_THAT(coordinator_->Look().released.at(1), HasSubstr("longer than the context (192 tokens of 192)"));
  EXPECT_NE(coordinator_->Look().released.at(3), "");
}

}  // namespace
}  // namespace cohort::rollout_worker

int main(int argc, char** argv) {
  const auto zygote = cohort::reward::Zygote::Start();
  if (!zygote.ok()) return 1;
  cohort::rollout_worker::zygote = zygote->get();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
