// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/testing/status_matchers.h"
#include "model/decoder.h"
#include "rollout_worker/engine/engine.h"
#include "rollout_worker/engine/engine_fixture.h"
#include "rollout_worker/testing/random_groups.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

class EngineFailureTest : public EngineFixture {
 protected:
  // The same model with an output weight of its own, and NaN for what stands for `token` in a prompt.
  void UntieAndPoison(int32_t token) {
    model::ModelConfig config = decoder_->config();
    model::ParameterMap parameters;
    for (const auto& [name, tensor] : decoder_->parameters().entries)
      parameters.entries.emplace_back(name, tensor.clone());
    parameters.entries.emplace_back("lm_head.weight", parameters.Find("model.embed_tokens.weight").clone());
    parameters.Find("model.embed_tokens.weight").select(0, token).fill_(std::nanf(""));
    config.tie_word_embeddings = false;
    auto decoder = model::Decoder::Create(config, std::move(parameters));
    ASSERT_OK(decoder);
    decoder_ = *std::move(decoder);
  }
};

TEST_F(EngineFailureTest, UnusableGroupIsRefusedByName) {
  const std::unique_ptr<Engine> engine = MakeEngine(4, /*kv_cache_tokens=*/64);
  const EngineGroup good = RandomGroups(1)[0];
  EngineGroup group = good;
  group.prompt_token_ids.clear();
  EXPECT_THAT(engine->Add(group), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  group.prompt_token_ids.assign(kTinyContext, 3);
  EXPECT_THAT(engine->Add(group),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("longer than the context (192")));
  group.prompt_token_ids = {1, 18};
  EXPECT_THAT(engine->Add(group), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(18)")));
  group = good;
  group.sampling.top_p = 0;
  EXPECT_THAT(engine->Add(group), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("top_p")));
  group = good;
  group.sampling.temperature = -1;
  EXPECT_THAT(engine->Add(group), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("temperature")));
  group = good;
  group.sampling.max_completion_tokens = 100;
  EXPECT_THAT(engine->Add(group), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--kv_cache_tokens")));
  EXPECT_FALSE(engine->HasWork());
}

TEST_F(EngineFailureTest, GroupWithLogitsThatAreNotFiniteFailsAlone) {
  const std::vector<EngineGroup> groups = RandomGroups(6);
  std::vector<EngineGroup> healthy;
  for (const EngineGroup& group : groups) {
    EngineGroup& copy = healthy.emplace_back(group);
    std::replace(copy.prompt_token_ids.begin(), copy.prompt_token_ids.end(), 3, 4);
  }
  UntieAndPoison(/*token=*/3);
  EngineGroup poisoned = groups[0];
  poisoned.id = 7;
  poisoned.group_size = 5;
  poisoned.prompt_token_ids = {1, 3, 2};
  for (EngineGroup& group : healthy) group.sampling = {.temperature = 0, .max_completion_tokens = 1};
  const std::unique_ptr<Engine> engine = MakeEngine(/*max_sequences=*/3);
  healthy.insert(healthy.begin() + 2, poisoned);
  std::map<int64_t, SampledGroup> sampled = Sample(engine.get(), healthy, 1);
  ASSERT_EQ(sampled.size(), healthy.size());
  for (const auto& [id, group] : sampled) {
    if (id != 7) {
      EXPECT_OK(group.status);
      continue;
    }
    EXPECT_THAT(group.status, StatusIs(absl::StatusCode::kInternal, HasSubstr("not finite, problem 0, sibling 0")));
    EXPECT_TRUE(group.sequences.empty());
  }
  EXPECT_EQ(engine->blocks().num_free(), engine->blocks().num_blocks());
  EXPECT_EQ(engine->num_running(), 0);
}

}  // namespace
}  // namespace cohort::rollout_worker
