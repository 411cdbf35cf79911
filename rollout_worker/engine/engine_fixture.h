// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_ENGINE_FIXTURE_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_ENGINE_FIXTURE_H_

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/decoder.h"
#include "model/model_config.h"
#include "model/weights/checkpoint_folder.h"
#include "rollout_worker/engine/engine.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {

// Engines over one tiny model.
class EngineFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { at::set_num_threads(1); }

  void SetUp() override {
    const std::string directory = dir_.Join("model");
    ASSERT_OK(WriteTinyModel(directory, /*seed=*/5));
    ASSERT_OK_AND_ASSIGN(config_, model::LoadModelConfig(directory));
    ASSERT_OK_AND_ASSIGN(const model::ParameterMap parameters, Parameters());
    ASSERT_OK_AND_ASSIGN(decoder_, model::Decoder::Create(config_, parameters));
  }

  absl::StatusOr<model::ParameterMap> Parameters() const {
    return model::LoadParameters(dir_.Join("model"), config_, at::kCPU);
  }

  std::unique_ptr<Engine> MakeEngine(int32_t max_sequences, int64_t kv_cache_tokens = 4096) {
    absl::StatusOr<std::unique_ptr<Engine>> engine =
        Engine::Create({.max_sequences = max_sequences, .kv_cache_tokens = kv_cache_tokens, .max_prefill_tokens = 128},
                       decoder_.get(), &clock_);
    return engine.ok() ? *std::move(engine) : nullptr;
  }

  // Adds a group every `steps_between` steps and runs to the end.
  std::map<int64_t, SampledGroup> Sample(Engine* engine, const std::vector<EngineGroup>& groups, int steps_between) {
    std::map<int64_t, SampledGroup> sampled;
    size_t next = 0;
    for (int step = 0; next < groups.size() || engine->HasWork(); ++step) {
      if (next < groups.size() && step % steps_between == 0) {
        EXPECT_OK(engine->Add(groups[next++]));
      }
      absl::StatusOr<std::vector<SampledGroup>> finished = engine->Step();
      EXPECT_OK(finished);
      if (!finished.ok()) break;
      for (SampledGroup& group : *finished) sampled[group.id] = std::move(group);
    }
    return sampled;
  }

  common::TempDir dir_;
  model::ModelConfig config_;
  common::SimulatedClock clock_;
  std::unique_ptr<model::Decoder> decoder_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_ENGINE_FIXTURE_H_
