// SPDX-License-Identifier: Apache-2.0
// Size: a worker with all its parts against a fake coordinator, from the claim to the receipt.
#include "rollout_worker/worker_loop.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/config/proto_time.h"
#include "common/testing/status_matchers.h"
#include "model/decoder.h"
#include "model/logprob.h"
#include "reward/sandbox/zygote.h"
#include "rollout_worker/testing/tiny_model.h"
#include "rollout_worker/worker_loop_fixture.h"

namespace cohort::rollout_worker {
namespace {

using ::testing::HasSubstr;

void ExpectTimesInOrder(const cohort::v1::GroupTimings& timings) {
  const google::protobuf::Timestamp* const times[] = {&timings.claimed_time(), &timings.sampling_begin_time(),
                                                      &timings.sampling_end_time(), &timings.scoring_begin_time(),
                                                      &timings.scoring_end_time()};
  absl::Time last = absl::UnixEpoch();
  for (const google::protobuf::Timestamp* time : times) {
    EXPECT_GE(common::FromProtoTimestamp(*time), last) << timings.DebugString();
    last = common::FromProtoTimestamp(*time);
  }
  EXPECT_GT(common::FromProtoTimestamp(timings.claimed_time()), absl::UnixEpoch());
}

class WorkerLoopTest : public WorkerLoopFixture {
 protected:
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
    ExpectTimesInOrder(group.timings());
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
  std::multiset<int64_t> fetched;
  for (const auto& [id, group] : record.submitted) {
    if (!group.timings().has_fetch()) continue;
    fetched.insert(group.timings().fetch().policy_version());
    EXPECT_EQ(group.timings().fetch().policy_version(), group.policy_version());
    EXPECT_GT(group.timings().fetch().num_bytes(), 0);
  }
  EXPECT_EQ(fetched, (std::multiset<int64_t>{0, 1})) << "each version is fetched once, by the first group of it";
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

TEST_F(WorkerLoopTest, MetricsSayWhatBecameOfASequenceAndOfItsVerdict) {
  Publish(0);
  coordinator_->AddGroup(Group(2, 0, 3, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(2) > 0; }));
  Stop();
  EXPECT_EQ(metrics_.completion_tokens.Collect().histogram.sample_count, 3u);
  EXPECT_EQ(metrics_.completion_tokens.Collect().histogram.sample_sum, metrics_.generated_tokens.Value());
  EXPECT_EQ(metrics_.sequence_queue_seconds.Collect().histogram.sample_count, 3u);
  EXPECT_EQ(metrics_.prompt_tokens.Value(), 3 * metrics_.prefilled_tokens.Value()) << "computed once for the group";
  EXPECT_EQ(metrics_.weight_fetch_bytes.Value(), static_cast<double>(Weights(0).NumBytes()));
  double num_verdicts = 0, num_timeouts = 0, idle_seconds = 0;
  uint64_t num_judgements = 0;
  for (const auto& family : registry_.Collect()) {
    for (const auto& metric : family.metric) {
      if (family.name == "cohort_rollout_worker_verdicts_total") num_verdicts += metric.counter.value;
      if (family.name == "cohort_rollout_worker_idle_seconds_total") idle_seconds += metric.counter.value;
      if (family.name == "cohort_rollout_worker_verifier_timeouts_total") num_timeouts += metric.counter.value;
      if (family.name == "cohort_rollout_worker_verifier_seconds") num_judgements += metric.histogram.sample_count;
    }
  }
  EXPECT_EQ(num_verdicts, 3);
  EXPECT_EQ(num_judgements, 3u);
  EXPECT_EQ(num_timeouts, 0);
  EXPECT_GT(idle_seconds, 0) << "before the group came";
}

TEST_F(WorkerLoopTest, LinesAboutAJobGoToTheCoordinatorWithHeartbeats) {
  const std::vector<log::Field> fields = {{"job", kJob}, {"group", 7}};
  const std::vector<log::Field> no_job = {{"worker", "worker-0"}};
  lines_.Add({.time = absl::Now(), .level = log::Level::kInfo, .event = "first", .fields = fields});
  lines_.Add({.time = absl::Now(), .level = log::Level::kInfo, .event = "serving", .fields = no_job});
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.log_lines.size() == 1; }));
  lines_.Add({.time = absl::Now(), .level = log::Level::kInfo, .event = "second", .fields = fields});
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.log_lines.size() == 2; }));
  EXPECT_EQ(coordinator_->Look().log_lines,
            (std::map<int64_t, std::string>{{1, "first group=7"}, {2, "second group=7"}}));
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

TEST_F(WorkerLoopTest, FullDiskOfTheCoordinatorCostsNoGroupAndIsTold) {
  Publish(0);
  coordinator_->FailNextSubmits(1'000'000, grpc::StatusCode::RESOURCE_EXHAUSTED);
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil(
      [](const Record& record) { return record.num_submits.count(1) > 0 && record.num_submits.at(1) > 4; }));
  EXPECT_THAT(health_.Reason(), HasSubstr("submitting groups: RESOURCE_EXHAUSTED"));
  coordinator_->FailNextSubmits(0);
  ASSERT_TRUE(WaitUntilReady());
  Stop();
  EXPECT_TRUE(coordinator_->Look().released.empty());
  EXPECT_TRUE(coordinator_->Look().different_submits.empty());
  EXPECT_EQ(metrics_.Groups(kJob, "submitted").Value(), 1);
}

TEST_F(WorkerLoopTest, RefusedGroupIsReleasedWithTheReasonAndTheOthersGoOn) {
  Publish(0);
  coordinator_->FailNextSubmits(1, grpc::StatusCode::INVALID_ARGUMENT);
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.released.count(1) > 0; }));
  EXPECT_THAT(coordinator_->Look().released.at(1), HasSubstr("cannot be stored"));
  coordinator_->AddGroup(Group(2, 0, 2, 8));
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(2) > 0; }));
}

TEST_F(WorkerLoopTest, ClaimOfManyMegabytesArrives) {
  Publish(0);
  for (int64_t id = 0; id < 16; ++id) {
    cohort::v1::GroupAssignment group = Group(id, 0, /*group_size=*/1, 4);
    group.mutable_problem()->set_row_json(std::string(600'000, ' '));
    coordinator_->AddGroup(group);
  }
  Start(/*max_sequences=*/128);
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.size() == 16; }));
  EXPECT_EQ(coordinator_->Look().claim_sizes.size(), 1u);
  EXPECT_EQ(metrics_.coordinator_errors.Value(), 0);
}

TEST_F(WorkerLoopTest, WorkerWithoutTheModelFolderTriesOneGroupAtATimeUntilItIsThere) {
  Publish(0);
  std::filesystem::rename(dir_.Join("model"), dir_.Join("away"));
  for (int64_t id = 0; id < 8; ++id) coordinator_->AddGroup(Group(id, 0, 2, 8));
  Start(/*max_sequences=*/128);
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return !record.released.empty(); }));
  for (int64_t id = 20; id < 26; ++id) coordinator_->AddGroup(Group(id, 0, 2, 8));
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.released.size() >= 10; }));
  EXPECT_THAT(coordinator_->Look().released.at(20), HasSubstr("config.json"));
  EXPECT_THAT(health_.Reason(), HasSubstr("config.json"));
  std::filesystem::rename(dir_.Join("away"), dir_.Join("model"));
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(25) > 0; }));
  EXPECT_TRUE(WaitUntilReady());
  const std::vector<int32_t> sizes = coordinator_->Look().claim_sizes;
  EXPECT_GT(sizes[0], 1);
  EXPECT_EQ(sizes[1], 1);
  EXPECT_EQ(sizes[2], 1);
}

TEST_F(WorkerLoopTest, WorkerThatTheCoordinatorSetAsideIsNotReadyAndSaysWhy) {
  Publish(0);
  coordinator_->SetAside("after 3 failures (bad weights)");
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.claimed_by.size() > 2; }));
  EXPECT_EQ(health_.Reason(), "set aside by the coordinator: after 3 failures (bad weights)");
  coordinator_->SetAside("");
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(1) > 0; }));
  EXPECT_TRUE(WaitUntilReady());
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
  const auto to_interrupt = cohort::reward::Zygote::Start();
  const auto to_kill = cohort::reward::Zygote::Start();
  if (!zygote.ok() || !to_interrupt.ok() || !to_kill.ok()) return 1;
  cohort::rollout_worker::zygote = zygote->get();
  cohort::rollout_worker::zygote_to_interrupt = to_interrupt->get();
  cohort::rollout_worker::zygote_to_kill = to_kill->get();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
