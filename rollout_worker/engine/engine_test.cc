// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/engine.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "common/testing/status_matchers.h"
#include "model/decoder.h"
#include "model/frozen_parameters.h"
#include "model/logprob.h"
#include "rollout_worker/engine/engine_fixture.h"
#include "rollout_worker/testing/random_groups.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

class EngineTest : public EngineFixture {
 protected:
  // What the learner computes: all sequences in one packed batch.
  std::vector<std::vector<float>> PackedLogprobs(const std::vector<EngineGroup>& groups,
                                                 const std::map<int64_t, SampledGroup>& sampled) {
    model::PackedBatch batch;
    batch.cu_seqlens.push_back(0);
    std::vector<std::vector<int64_t>> rows;
    std::vector<const std::vector<int32_t>*> targets;
    std::vector<double> temperatures;
    for (const EngineGroup& group : groups) {
      for (const Sequence& sequence : sampled.at(group.id).sequences) {
        const int64_t start = static_cast<int64_t>(batch.token_ids.size() + group.prompt_token_ids.size()) - 1;
        batch.token_ids.insert(batch.token_ids.end(), group.prompt_token_ids.begin(), group.prompt_token_ids.end());
        batch.token_ids.insert(batch.token_ids.end(), sequence.token_ids.begin(), sequence.token_ids.end());
        batch.cu_seqlens.push_back(static_cast<int32_t>(batch.token_ids.size()));
        std::vector<int64_t>& row = rows.emplace_back();
        for (size_t t = 0; t < sequence.token_ids.size(); ++t) row.push_back(start + static_cast<int64_t>(t));
        targets.push_back(&sequence.token_ids);
        temperatures.push_back(group.sampling.temperature > 0 ? group.sampling.temperature : 1.0);
      }
    }
    const absl::StatusOr<at::Tensor> hidden_TD = decoder_->ForwardPacked(batch);
    EXPECT_OK(hidden_TD);
    std::vector<std::vector<float>> logprobs;
    for (size_t i = 0; i < rows.size() && hidden_TD.ok(); ++i) {
      const at::Tensor hidden = at::index_select(*hidden_TD, 0, at::tensor(at::ArrayRef<int64_t>(rows[i]), at::kLong));
      const auto result = model::ComputeTokenLogprobs(hidden, decoder_->OutputWeight(), *targets[i], temperatures[i]);
      EXPECT_OK(result);
      const float* values = result->logprobs_T.const_data_ptr<float>();
      logprobs.emplace_back(values, values + rows[i].size());
    }
    return logprobs;
  }
};

TEST_F(EngineTest, SequenceTellsWhenItArrivedJoinedAndEnded) {
  EngineGroup group;
  group.id = 1;
  group.prompt_token_ids = {1, 2, 3};
  group.group_size = 2;
  group.sampling.max_completion_tokens = 6;
  const std::unique_ptr<Engine> engine = MakeEngine(/*max_sequences=*/1);
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(engine->Add(group));
  std::vector<SampledGroup> finished;
  while (finished.empty()) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_OK_AND_ASSIGN(finished, engine->Step());
  }
  // Both have arrived at once, and the second joins when the first has left.
  const Sequence& first = finished[0].sequences[0];
  const Sequence& second = finished[0].sequences[1];
  EXPECT_EQ(first.arrival_time, absl::Seconds(1));
  EXPECT_EQ(second.arrival_time, absl::Seconds(1));
  EXPECT_EQ(first.join_time, absl::Seconds(2));
  EXPECT_EQ(second.join_time, first.last_token_time + absl::Seconds(1));
  for (const Sequence& sequence : finished[0].sequences) {
    EXPECT_EQ(sequence.first_token_time, sequence.join_time) << "the clock stands still in a step";
    const auto num_steps = static_cast<int64_t>(sequence.token_ids.size()) - 1;
    EXPECT_EQ(sequence.last_token_time - sequence.first_token_time, absl::Seconds(num_steps));
  }
}

// The sampler has rounded weights and a cache of bf16, the learner the fp32 weights that it trains.
TEST_F(EngineTest, BehaviorLogprobsOfBf16AreBitEqualToThePackedForwardPass) {
  const model::DecoderOptions bf16 = {.precision = model::Precision::kBf16};
  ASSERT_OK_AND_ASSIGN(const model::ParameterMap trained, Parameters());
  ASSERT_OK_AND_ASSIGN(const model::ParameterMap rounded, model::FrozenParameters(trained, model::Precision::kBf16));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<model::Decoder> sampling, model::Decoder::Create(config_, rounded, bf16));
  const std::vector<EngineGroup> groups = RandomGroups(20);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Engine> engine,
                       Engine::Create({.max_sequences = 7, .kv_cache_tokens = 4096, .max_prefill_tokens = 128},
                                      sampling.get(), &clock_));
  const std::map<int64_t, SampledGroup> sampled = Sample(engine.get(), groups, /*steps_between=*/3);
  ASSERT_EQ(sampled.size(), groups.size());
  ASSERT_OK_AND_ASSIGN(decoder_, model::Decoder::Create(config_, trained, bf16));
  const std::vector<std::vector<float>> expected = PackedLogprobs(groups, sampled);
  size_t i = 0;
  for (const EngineGroup& group : groups) {
    for (const Sequence& sequence : sampled.at(group.id).sequences) {
      ASSERT_EQ(sequence.behavior_logprobs, expected[i++]) << "group " << group.id;
    }
  }
}

TEST_F(EngineTest, BehaviorLogprobsAreBitEqualToThePackedForwardPass) {
  const std::vector<EngineGroup> groups = RandomGroups(40);
  const std::unique_ptr<Engine> engine = MakeEngine(/*max_sequences=*/13);
  const std::map<int64_t, SampledGroup> sampled = Sample(engine.get(), groups, /*steps_between=*/3);
  ASSERT_EQ(sampled.size(), groups.size());
  const std::vector<std::vector<float>> expected = PackedLogprobs(groups, sampled);
  size_t i = 0;
  int64_t num_tokens = 0;
  for (const EngineGroup& group : groups) {
    for (const Sequence& sequence : sampled.at(group.id).sequences) {
      ASSERT_EQ(sequence.behavior_logprobs.size(), expected[i].size());
      ASSERT_EQ(std::memcmp(sequence.behavior_logprobs.data(), expected[i].data(), expected[i].size() * sizeof(float)),
                0)
          << "group " << group.id;
      num_tokens += static_cast<int64_t>(expected[i].size());
      ++i;
    }
  }
  EXPECT_GT(num_tokens, 1000);
  EXPECT_EQ(engine->num_generated_tokens(), num_tokens);
  EXPECT_EQ(engine->blocks().num_free(), engine->blocks().num_blocks());
}

TEST_F(EngineTest, SamplesDoNotDependOnWhatRunsTogether) {
  const std::vector<EngineGroup> groups = RandomGroups(24);
  const std::map<int64_t, SampledGroup> alone = Sample(MakeEngine(1).get(), groups, 1);
  const std::map<int64_t, SampledGroup> few = Sample(MakeEngine(3).get(), groups, 2);
  // Hardly more than the longest sequence needs: siblings of a group join one behind the other.
  const std::map<int64_t, SampledGroup> cramped = Sample(MakeEngine(64, /*kv_cache_tokens=*/192).get(), groups, 1);
  const std::map<int64_t, SampledGroup> many = Sample(MakeEngine(64).get(), groups, 1);
  ASSERT_EQ(many.size(), groups.size());
  for (const EngineGroup& group : groups) {
    for (const auto* other : {&alone, &few, &cramped}) {
      for (int32_t sibling = 0; sibling < group.group_size; ++sibling) {
        const Sequence& sequence = other->at(group.id).sequences[sibling];
        const Sequence& expected = many.at(group.id).sequences[sibling];
        ASSERT_EQ(sequence.token_ids, expected.token_ids);
        ASSERT_EQ(sequence.behavior_logprobs, expected.behavior_logprobs);
        ASSERT_EQ(sequence.sampling_logprobs, expected.sampling_logprobs);
        ASSERT_EQ(sequence.finish_reason, expected.finish_reason);
      }
    }
  }
}

TEST_F(EngineTest, PromptIsPrefilledOncePerGroup) {
  const std::vector<EngineGroup> groups = RandomGroups(10);
  const std::unique_ptr<Engine> engine = MakeEngine(3);
  Sample(engine.get(), groups, 1);
  int64_t num_prompt_tokens = 0;
  for (const EngineGroup& group : groups) num_prompt_tokens += static_cast<int64_t>(group.prompt_token_ids.size());
  EXPECT_EQ(engine->num_prefilled_tokens(), num_prompt_tokens);
}

TEST_F(EngineTest, WaitingSequenceJoinsInTheStepAfterOneLeft) {
  const std::vector<EngineGroup> groups = RandomGroups(6);
  const std::unique_ptr<Engine> engine = MakeEngine(1);
  for (const EngineGroup& group : groups) ASSERT_OK(engine->Add(group));
  int64_t num_steps = 0;
  for (; engine->HasWork(); ++num_steps) ASSERT_OK(engine->Step());
  EXPECT_EQ(num_steps, engine->num_generated_tokens());
}

TEST_F(EngineTest, CompletionEndsAtEosOrAtItsLimitWithTheReason) {
  std::vector<EngineGroup> groups = RandomGroups(16);
  int num_eos = 0, num_length = 0;
  const std::map<int64_t, SampledGroup> sampled = Sample(MakeEngine(64).get(), groups, 1);
  for (const EngineGroup& group : groups) {
    for (const Sequence& sequence : sampled.at(group.id).sequences) {
      const size_t limit = static_cast<size_t>(group.sampling.max_completion_tokens);
      for (size_t t = 0; t + 1 < sequence.token_ids.size(); ++t) ASSERT_NE(sequence.token_ids[t], kTinyEos);
      if (sequence.finish_reason == cohort::v1::FINISH_REASON_EOS) {
        ++num_eos;
        EXPECT_EQ(sequence.token_ids.back(), kTinyEos);
        EXPECT_LE(sequence.token_ids.size(), limit);
      } else {
        ++num_length;
        EXPECT_EQ(sequence.finish_reason, cohort::v1::FINISH_REASON_LENGTH);
        EXPECT_EQ(sequence.token_ids.size(), limit);
      }
    }
  }
  EXPECT_GT(num_eos, 0);
  EXPECT_GT(num_length, 0);
}

TEST_F(EngineTest, GreedySiblingsAreEqualWhateverTheSeed) {
  EngineGroup group = RandomGroups(1)[0];
  group.group_size = 2;
  group.sampling = {.temperature = 0, .max_completion_tokens = 20};
  const std::map<int64_t, SampledGroup> first = Sample(MakeEngine(4).get(), {group}, 1);
  group.seed = 7;
  const std::map<int64_t, SampledGroup> second = Sample(MakeEngine(4).get(), {group}, 1);
  EXPECT_EQ(first.at(group.id).sequences[0].token_ids, first.at(group.id).sequences[1].token_ids);
  EXPECT_EQ(first.at(group.id).sequences[0].token_ids, second.at(group.id).sequences[0].token_ids);
  EXPECT_TRUE(first.at(group.id).sequences[0].sampling_logprobs.empty());
}

TEST_F(EngineTest, SeedProblemAndSiblingChangeTheSample) {
  EngineGroup group = RandomGroups(1)[0];
  group.group_size = 2;
  group.sampling = {.temperature = 1, .max_completion_tokens = 30};
  const Sequence base = Sample(MakeEngine(4).get(), {group}, 1).at(group.id).sequences[0];
  EXPECT_NE(base.token_ids, Sample(MakeEngine(4).get(), {group}, 1).at(group.id).sequences[1].token_ids);
  EngineGroup other_seed = group;
  other_seed.seed = 43;
  EXPECT_NE(base.token_ids, Sample(MakeEngine(4).get(), {other_seed}, 1).at(group.id).sequences[0].token_ids);
  EngineGroup other_problem = group;
  other_problem.problem_id = 99;
  EXPECT_NE(base.token_ids, Sample(MakeEngine(4).get(), {other_problem}, 1).at(group.id).sequences[0].token_ids);
}

TEST_F(EngineTest, FilteredSamplingKeepsBothLogprobs) {
  EngineGroup group = RandomGroups(1)[0];
  group.sampling = {.temperature = 1, .top_k = 3, .max_completion_tokens = 20};
  const std::map<int64_t, SampledGroup> sampled = Sample(MakeEngine(4).get(), {group}, 1);
  for (const Sequence& sequence : sampled.at(group.id).sequences) {
    ASSERT_EQ(sequence.sampling_logprobs.size(), sequence.token_ids.size());
    for (size_t t = 0; t < sequence.token_ids.size(); ++t) {
      EXPECT_GT(sequence.sampling_logprobs[t], sequence.behavior_logprobs[t]);
      EXPECT_LE(sequence.sampling_logprobs[t], 0);
    }
  }
}

TEST_F(EngineTest, DroppedGroupLeavesTheOthersAsTheyWere) {
  const std::vector<EngineGroup> groups = RandomGroups(6);
  const std::map<int64_t, SampledGroup> expected = Sample(MakeEngine(64).get(), groups, 1);
  const std::unique_ptr<Engine> engine = MakeEngine(4);
  for (const EngineGroup& group : groups) ASSERT_OK(engine->Add(group));
  ASSERT_OK(engine->Step());
  ASSERT_OK(engine->Drop(groups[0].id));
  ASSERT_OK(engine->Drop(groups[5].id));
  std::map<int64_t, SampledGroup> sampled = Sample(engine.get(), {}, 1);
  ASSERT_EQ(sampled.size(), 4u);
  for (int i = 1; i < 5; ++i) {
    for (int32_t sibling = 0; sibling < groups[i].group_size; ++sibling) {
      EXPECT_EQ(sampled.at(groups[i].id).sequences[sibling].token_ids,
                expected.at(groups[i].id).sequences[sibling].token_ids);
    }
  }
  EXPECT_EQ(engine->blocks().num_free(), engine->blocks().num_blocks());
}

TEST_F(EngineTest, CompletionIsCutAtTheEndOfTheContext) {
  EngineGroup group = RandomGroups(1)[0];
  group.group_size = 8;
  group.prompt_token_ids.assign(kTinyContext - 3, 4);
  group.sampling = {.max_completion_tokens = 50};
  const std::map<int64_t, SampledGroup> sampled = Sample(MakeEngine(8).get(), {group}, 1);
  size_t longest = 0;
  for (const Sequence& sequence : sampled.at(group.id).sequences)
    longest = std::max(longest, sequence.token_ids.size());
  EXPECT_EQ(longest, 3u);
}

}  // namespace
}  // namespace cohort::rollout_worker
