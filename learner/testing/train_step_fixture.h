// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_TRAIN_STEP_FIXTURE_H_
#define COHORT_LEARNER_TESTING_TRAIN_STEP_FIXTURE_H_

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/job_setup.h"
#include "learner/policy_pass.h"
#include "learner/prepared_update.h"
#include "learner/step_data.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "learner/train_state.h"
#include "learner/train_step.h"
#include "model/decoder.h"
#include "model/parallel/process_group.h"
#include "model/tokenizer/tokenizer.h"
#include "objective/objective.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {

// What one rank has.
struct Rank {
  TrainState state;
  std::unique_ptr<objective::Objective> objective;
  std::unique_ptr<model::Tokenizer> tokenizer;
  Policy reference;  // without decoder unless the objective needs one
  StepDataOptions data_options;
  std::unique_ptr<TrainStep> step;
};

struct RunSettings {
  int world_size = 1;
  bool has_rollouts = true;
  int64_t num_updates = 2;
  int64_t max_tokens_per_microbatch = 8192;
  bool share_prompts = false;
  double learning_rate = 0.01;
  cohort::v1::OptimizerSharding sharding = cohort::v1::OPTIMIZER_SHARDING_NONE;
  cohort::v1::ObjectiveSpec objective = {};  // unresolved
  bool recompute_activations = false;
  model::Precision precision = model::Precision::kFp32;
  std::function<std::string(const FailedUpdate&)> on_failure = {};
};

// A tiny model in a folder, and ranks that train it.
class TrainStepFixture : public ::testing::Test {
 protected:
  void SetUp() override { model_path_ = MakeTinyModel(dir_.path()); }

  static cohort::v1::OptimizerSpec OptimizerOf(const RunSettings& settings) {
    cohort::v1::OptimizerSpec optimizer;
    optimizer.set_learning_rate(settings.learning_rate);
    optimizer.set_weight_decay(0.1);
    optimizer.set_sharding(settings.sharding);
    return optimizer;
  }

  std::unique_ptr<Rank> MakeRank(const RunSettings& settings, model::ProcessGroup* group) {
    auto rank = std::make_unique<Rank>();
    const cohort::v1::OptimizerSpec optimizer = OptimizerOf(settings);
    rank->state = *CreateTrainState(model_path_, optimizer, at::kCPU,
                                    {.rank = group->rank(), .world_size = group->world_size()}, settings.precision);
    cohort::v1::ObjectiveSpec spec = settings.objective;
    if (!settings.has_rollouts) rank->tokenizer = *model::Tokenizer::Load(model_path_);
    const auto resolved = objective::ResolveObjective(
        spec, {.is_sft = !settings.has_rollouts, .group_size = 4, .max_completion_tokens = 10});
    EXPECT_OK(resolved);
    rank->objective = *objective::Objective::Create(*resolved);
    if (rank->objective->NeedsTokenText()) rank->tokenizer = *model::Tokenizer::Load(model_path_);
    if (rank->objective->NeedsReference()) rank->reference = *LoadReference(model_path_, rank->state);
    rank->data_options = {.objective = rank->objective.get(),
                          .verifier_weights = {1},
                          .tokenizer = rank->tokenizer.get(),
                          .eos_token_id = kTinyEos,
                          .limits = {.vocab_size = kTinyVocabSize, .max_sequence_tokens = 64},
                          .num_updates = settings.num_updates,
                          .rank = group->rank(),
                          .world_size = group->world_size()};
    rank->step = std::make_unique<TrainStep>(
        TrainStepOptions{.optimizer = optimizer,
                         .gradient = {.max_tokens_per_microbatch = settings.max_tokens_per_microbatch,
                                      .recompute_activations = settings.recompute_activations,
                                      .share_prompts = settings.share_prompts,
                                      .on_failure = settings.on_failure},
                         .num_updates_in_job = 100},
        rank->objective.get(), &rank->reference, group, &rank->state);
    return rank;
  }

  static absl::StatusOr<TrainStep::Outcome> RunStep(Rank* rank, const WholeStep& whole) {
    PhaseTimer timer(common::SystemClock());
    absl::StatusOr<StepData> data =
        BuildStepData(whole.ForRank(rank->data_options.rank, rank->data_options.world_size), rank->data_options);
    if (!data.ok()) return data.status();
    return rank->step->Run(*data, &timer);
  }

  // Sets the behaviour log-probs of a step of groups of 4 to those that the rank's policy gives each sequence alone.
  static void SampleAlone(const Rank& rank, WholeStep* step) {
    const absl::StatusOr<StepData> data = BuildStepData(step->ForRank(0, 1), rank.data_options);
    ASSERT_OK(data);
    int next = 0;
    for (const UpdateData& update : data->updates) {
      for (int64_t i = 0; i < static_cast<int64_t>(update.sequences.size()); ++i, ++next) {
        const auto alone = PolicyLogprobsWithoutGradient(
            *rank.state.decoder, BuildMicrobatch(update.sequences, {.begin = i, .end = i + 1}), /*temperature=*/1);
        ASSERT_OK(alone);
        cohort::v1::Rollout* rollout = step->groups[next / 4].mutable_rollouts(next % 4);
        for (int t = 0; t < rollout->behavior_logprobs_size(); ++t) {
          rollout->set_behavior_logprobs(t, alone->logprobs_T[t].item<float>());
        }
      }
    }
  }

  // The weights one behind the other, without the gaps, which differ between worlds.
  static at::Tensor WeightsOf(const model::ParameterMap& parameters) {
    std::vector<at::Tensor> weights;
    for (const auto& [name, view] : parameters.entries) weights.push_back(view.detach().flatten());
    return at::cat(weights);
  }
  static at::Tensor WeightsOf(const TrainState& state) { return WeightsOf(state.parameters->parameters()); }

  common::TempDir dir_;
  std::string model_path_;
};

inline void ExpectClose(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_LT((found - expected).abs().max().item<double>(), 2e-4);
  EXPECT_LT((found - expected).norm().item<double>() / expected.norm().item<double>(), 1e-5);
}

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_TRAIN_STEP_FIXTURE_H_
