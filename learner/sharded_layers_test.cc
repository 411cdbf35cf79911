// SPDX-License-Identifier: Apache-2.0
#include "learner/sharded_layers.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/collective_queue.h"
#include "learner/flat_parameters.h"
#include "learner/testing/fake_process_group.h"

namespace cohort::learner {
namespace {

using Kind = model::ParameterSpec::Kind;
using Pass = ShardedLayers::Pass;

constexpr int64_t kNumLayers = 5;

// Layers of different sizes between an embedding and a norm. Parameter i has the values i + 0.001 j.
at::Tensor ValuesOf(size_t span, int64_t size) {
  return at::arange(size, at::kFloat) * 0.001 + static_cast<double>(span);
}

std::unique_ptr<FlatParameters> MakeParameters(const RankPlace& place, bool is_frozen = false) {
  std::vector<model::ParameterSpec> specs = {{"embedding", {7, 3}}};
  for (int64_t layer = 0; layer < kNumLayers; ++layer) {
    specs.push_back({"up", {10 + layer, 5}, Kind::kMatrix, layer});
    specs.push_back({"norm", {5}, Kind::kNorm, layer});
  }
  specs.push_back({"norm", {5}, Kind::kNorm});
  auto parameters = *FlatParameters::Create(SelectParameters(specs), at::kCPU, place,
                                            {.layout = {.shards_layers = true}, .is_frozen = is_frozen});
  const std::vector<FlatSpan>& spans = parameters->layout().spans;
  for (size_t i = 0; i < spans.size(); ++i) parameters->SetWeights(i, ValuesOf(i, spans[i].size));
  return parameters;
}

void ExpectLayer(const std::vector<at::Tensor>& tensors, int64_t layer) {
  ASSERT_EQ(tensors.size(), 2);
  const size_t first = 1 + 2 * static_cast<size_t>(layer);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(at::equal(tensors[i].flatten(), ValuesOf(first + i, tensors[i].numel()))) << layer << " " << i;
  }
  EXPECT_EQ(tensors[0].sizes(), (std::vector<int64_t>{10 + layer, 5}));
}

// What a decoder does in a pass; the gradient of every number is `gradient`.
void MakePass(ShardedLayers* layers, Pass pass, double gradient) {
  layers->BeginPass(pass);
  for (int64_t layer = 0; layer < kNumLayers; ++layer) {
    ExpectLayer(layers->Acquire(layer), layer);
    layers->Release(layer);
  }
  for (int64_t layer = kNumLayers; pass == Pass::kTraining && layer-- > 0;) {
    const std::vector<at::Tensor> tensors = layers->Acquire(layer);
    ExpectLayer(tensors, layer);
    layers->AddGradients(layer, {at::full_like(tensors[0], gradient), at::full_like(tensors[1], gradient)});
    layers->Release(layer);
  }
}

// The gradients of the layers' pieces that this rank holds, without the gaps.
std::vector<float> LayerGradients(const FlatParameters& parameters) {
  std::vector<float> found;
  for (const FlatSpan& span : parameters.layout().spans) {
    for (const FlatBucket& bucket : parameters.layout().buckets) {
      const bool is_in = span.offset >= bucket.range.offset && span.offset < bucket.range.offset + bucket.range.size;
      if (bucket.layer < 0 || !is_in) continue;
      parameters.held().ForParts(
          {.offset = span.offset, .size = span.size}, [&](const FlatRange& part, int64_t held_offset) {
            const at::Tensor numbers = parameters.gradients_L().narrow(0, held_offset, part.size);
            const float* values = numbers.const_data_ptr<float>();
            found.insert(found.end(), values, values + part.size);
          });
    }
  }
  return found;
}

TEST(ShardedLayersTest, RanksComputeWithWholeLayersAndKeepTheSumsOfTheirPieces) {
  for (const int world_size : {1, 2, 3, 4}) {
    SCOPED_TRACE(world_size);
    RunRanks(world_size, [&](model::ProcessGroup* group) {
      const auto parameters = MakeParameters({.rank = group->rank(), .world_size = world_size});
      ASSERT_OK_AND_ASSIGN(const auto layers, ShardedLayers::Create(parameters.get()));
      CollectiveQueue queue(group, at::kCPU);
      ASSERT_OK(queue.Run([&]() -> absl::Status {
        layers->Begin(&queue);
        MakePass(layers.get(), Pass::kForward, 0);
        for (int pass = 0; pass < 3; ++pass) {
          MakePass(layers.get(), Pass::kTraining, 1 + group->rank());
          if (const absl::Status finished = layers->FinishPass(0); !finished.ok()) return finished;
        }
        return absl::OkStatus();
      }));
      const float expected = 3.0f * static_cast<float>(world_size * (world_size + 1) / 2);
      const std::vector<float> found = LayerGradients(*parameters);
      if (group->rank() == 0) {
        EXPECT_GT(found.size(), 0);
      }
      for (const float value : found) ASSERT_EQ(value, expected);
      EXPECT_EQ(parameters->parameters().entries.size(), 2);  // what belongs to no layer
    });
  }
}

// Rank 0 computes two passes, the others none; rank 1 leaves its second in the middle with a number that is not finite.
TEST(ShardedLayersTest, PassThatARankDoesNotComputeIsFinishedWithTheOthers) {
  RunRanks(3, [](model::ProcessGroup* group) {
    const auto parameters = MakeParameters({.rank = group->rank(), .world_size = 3});
    ASSERT_OK_AND_ASSIGN(const auto layers, ShardedLayers::Create(parameters.get()));
    for (const bool has_bad_rank : {false, true}) {
      parameters->gradients_L().zero_();
      CollectiveQueue queue(group, at::kCPU);
      ASSERT_OK(queue.Run([&]() -> absl::Status {
        layers->Begin(&queue);
        for (int pass = 0; pass < 2; ++pass) {
          if (group->rank() == 0) {
            MakePass(layers.get(), Pass::kTraining, 2);
          } else {
            layers->BeginPass(Pass::kTraining);
          }
          const bool is_bad = has_bad_rank && group->rank() == 1 && pass == 1;
          if (is_bad) {
            ExpectLayer(layers->Acquire(0), 0);
            layers->Release(0);
          }
          const absl::Status finished = layers->FinishPass(is_bad ? std::numeric_limits<double>::quiet_NaN() : 0);
          if (!finished.ok()) return finished;
        }
        return absl::OkStatus();
      }));
      for (const float value : LayerGradients(*parameters)) {
        ASSERT_TRUE(has_bad_rank ? std::isnan(value) : value == 4) << value;
      }
    }
  });
}

TEST(ShardedLayersTest, WeightsThatChangedAreGatheredAnewAtTheNextBegin) {
  RunRanks(2, [](model::ProcessGroup* group) {
    const auto parameters = MakeParameters({.rank = group->rank(), .world_size = 2}, /*is_frozen=*/true);
    ASSERT_OK_AND_ASSIGN(const auto layers, ShardedLayers::Create(parameters.get()));
    EXPECT_FALSE(parameters->gradients_L().defined());
    for (int version = 0; version < 2; ++version) {
      CollectiveQueue queue(group, at::kCPU);
      ASSERT_OK(queue.Run([&]() -> absl::Status {
        layers->Begin(&queue);
        layers->BeginPass(Pass::kForward);
        EXPECT_FLOAT_EQ(layers->Acquire(0)[0][0][0].item<float>(), 1 + 100.0f * version);
        layers->Release(0);
        return layers->FinishPass(0);
      }));
      parameters->weights_L().add_(100);
    }
  });
}

TEST(ShardedLayersTest, PeerThatIsLostEndsThePassWithItsStatus) {
  RunRanks(2, [](model::ProcessGroup* group) {
    if (group->rank() == 1) return;  // leaves
    const auto parameters = MakeParameters({.rank = 0, .world_size = 2});
    ASSERT_OK_AND_ASSIGN(const auto layers, ShardedLayers::Create(parameters.get()));
    CollectiveQueue queue(group, at::kCPU);
    absl::Status finished;
    EXPECT_THAT(queue.Run([&] {
      layers->Begin(&queue);
      layers->BeginPass(Pass::kForward);
      finished = layers->FinishPass(0);
      return finished;
    }),
                common::StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_FALSE(finished.ok());
  });
}

TEST(ShardedLayersTest, LayerOutOfTurnIsAnError) {
  RunRanks(1, [](model::ProcessGroup* group) {
    const auto parameters = MakeParameters({});
    ASSERT_OK_AND_ASSIGN(const auto layers, ShardedLayers::Create(parameters.get()));
    CollectiveQueue queue(group, at::kCPU);
    layers->Begin(&queue);
    layers->BeginPass(Pass::kForward);
    EXPECT_THROW(layers->Acquire(1), c10::Error);
  });
}

}  // namespace
}  // namespace cohort::learner
