// SPDX-License-Identifier: Apache-2.0
// E3: one GRPO train step in bf16 on a GPU, from 64 sequences to updated weights, for the shapes of Qwen3-0.6B and 1.7B
// with random weights, against the same step on padded batches with PyTorch's operators (testing/padded_peer.h). A
// small step must agree first, or nothing is timed: ours and the peer in bf16 are both held against the peer in fp32.
// Then each contender chooses its microbatch, the chosen ones take turns with a large product, and our fastest is taken
// apart into phases and kinds of operators. docs/benchmarks/learner_gpu.md says how to read it.
//   bazel run --config=cuda //learner:train_step_cuda_benchmark
// Skips where there is no GPU; `-- small` tries it out on the CPU.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/status_macros.h"
#include "kernels/torch/device_argument.h"
#include "kernels/torch/device_contest.h"
#include "kernels/torch/torch_status.h"
#include "kernels/torch/wall_budget.h"
#include "learner/batch/train_sequence.h"
#include "learner/step_data.h"
#include "learner/testing/device_step.h"
#include "learner/testing/learner_side.h"
#include "learner/testing/padded_peer.h"
#include "learner/testing/ragged_step.h"
#include "model/model_config.h"
#include "model/precision.h"
#include "model/presets/model_preset.h"

namespace cohort::learner {
namespace {

// Of gradients, in the L2 norm: a cosine of 0.9998. Beyond it ours may be this much further from fp32 than the peer.
constexpr double kAllowedGradient = 2e-2, kAllowedLoss = 1e-2, kAllowedBeyondPeer = 1.25;

struct Workload {
  std::string name;
  model::ModelConfig config;
  RaggedShape shape;           // that is timed
  RaggedShape compared_shape;  // on which results are compared first
  StepSettings settings;
  double wall_seconds = 0;
};

// Of a Qwen3.
model::ModelConfig ConfigOf(const model::ModelPreset& preset) {
  model::ModelConfig config;
  config.architecture = std::string(preset.architecture);
  config.vocab_size = preset.vocab_size;
  config.hidden_size = preset.hidden_size;
  config.intermediate_size = preset.intermediate_size;
  config.num_layers = preset.num_layers;
  config.num_heads = preset.num_heads;
  config.num_kv_heads = preset.num_kv_heads;
  config.head_dim = preset.head_dim;
  config.max_position_embeddings = preset.max_position_embeddings;
  config.rms_norm_eps = preset.rms_norm_eps;
  config.rope_theta = preset.rope_theta;
  config.has_qk_norm = true;
  config.tie_word_embeddings = preset.tie_word_embeddings;
  config.eos_token_ids = {static_cast<int32_t>(preset.eos[0].id)};
  return config;
}

absl::StatusOr<Workload> MakeWorkload(const std::string& preset_name, double wall_seconds) {
  COHORT_ASSIGN_OR_RETURN(const model::ModelPreset preset, model::FindModelPreset(preset_name));
  return Workload{.name = preset_name,
                  .config = ConfigOf(preset),
                  .shape = {.num_groups = 8,
                            .least_prompt_tokens = 256,
                            .most_prompt_tokens = 256,
                            .mean_completion_tokens = 1024,
                            .most_completion_tokens = 4096},
                  .compared_shape = {.num_groups = 1,
                                     .group_size = 4,
                                     .least_prompt_tokens = 64,
                                     .most_prompt_tokens = 64,
                                     .mean_completion_tokens = 128,
                                     .most_completion_tokens = 256},
                  .settings = {.kept_tokens = {4096, 8192, 16384},
                               .recomputed_tokens = {8192, 16384, 32768},
                               .padded_tokens = {8192, 16384},
                               .product_size = 8192},
                  .wall_seconds = wall_seconds};
}

Workload SmallWorkload() {
  model::ModelConfig config = RaggedStepConfig();
  config.vocab_size = 128;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  return {.name = "small",
          .config = config,
          .shape = {.num_groups = 2, .group_size = 4, .mean_completion_tokens = 12, .most_completion_tokens = 48},
          .compared_shape = {.num_groups = 1,
                             .group_size = 4,
                             .least_prompt_tokens = 16,
                             .most_prompt_tokens = 16,
                             .mean_completion_tokens = 12,
                             .most_completion_tokens = 48},
          .settings = {.kept_tokens = {128}, .recomputed_tokens = {256}, .padded_tokens = {256}, .product_size = 64},
          .wall_seconds = 30};
}

// The sampler's log-probs become those of the peer in fp32: importance ratios near 1, none of which bf16 moves across
// the clip range.
void SampleFrom(const PaddedPeer& peer, const at::Device& device, StepData* data) {
  const at::NoGradGuard no_grad;
  for (TrainSequence& sequence : data->updates[0].sequences) {
    const PaddedBatch alone = PadSequences({sequence}, /*max_tokens=*/1, device)[0];
    const at::Tensor logprobs_C = peer.Logprobs(alone, at::kFloat)[0].to(at::kCPU).contiguous();
    const float* first = logprobs_C.const_data_ptr<float>();
    sequence.behavior_logprobs.assign(first, first + sequence.num_completion_tokens());
  }
}

// Both sides in bf16 against the peer in fp32, from the same weights, which stay.
absl::Status CompareSides(const Workload& workload, const at::Device& device, LearnerSide* ours, PaddedPeer* peer) {
  StepData data = MakeRaggedStep(workload.config, workload.compared_shape);
  SampleFrom(*peer, device, &data);
  const std::vector<PaddedBatch> batches = PadSequences(data.updates[0].sequences, /*max_tokens=*/1 << 20, device);
  const double true_loss = peer->Backpropagate(batches, at::kFloat);
  const std::vector<at::Tensor> truth = GradientsOf(peer->parameters());  // each pass makes new ones
  const double peer_loss = peer->Backpropagate(batches, at::kBFloat16);
  const double peer_error = GradientDifference(GradientsOf(peer->parameters()), truth);
  for (const bool recompute : {false, true}) {
    COHORT_ASSIGN_OR_RETURN(const LearnerSide::Gradient gradient,
                            ours->ComputeGradient(data, {.recompute_activations = recompute}));
    const double error = GradientDifference(GradientsOf(ours->state().parameters->parameters()), truth);
    std::printf("%s%s: loss %.6g, peer %.6g, in fp32 %.6g; gradient error %.3g, peer %.3g\n", workload.name.c_str(),
                recompute ? ", recomputed" : "", gradient.loss, peer_loss, true_loss, error, peer_error);
    const bool is_near = error <= std::max(kAllowedGradient, kAllowedBeyondPeer * peer_error) &&
                         std::abs(gradient.loss - true_loss) <= kAllowedLoss * std::abs(true_loss);
    if (!is_near) return absl::InternalError(workload.name + ": ours is too far from fp32, nothing is timed");
  }
  return absl::OkStatus();
}

absl::Status RunWorkload(const Workload& workload, const at::Device& device) {
  const kernels::WallBudget budget(workload.wall_seconds);
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<LearnerSide> ours,
                          LearnerSide::Create({.config = workload.config,
                                               .device = device,
                                               .precision = model::Precision::kBf16,
                                               .group_size = workload.shape.group_size,
                                               .max_completion_tokens = workload.shape.most_completion_tokens}));
  std::unique_ptr<PaddedPeer> peer;
  const absl::Status compared = kernels::StatusFromTorch("peer", [&] {
    peer =
        std::make_unique<PaddedPeer>(workload.config, ours->state().parameters->parameters(), ours->MakePeerOptions());
    return CompareSides(workload, device, ours.get(), peer.get());
  });
  if (absl::IsResourceExhausted(compared)) {
    std::printf("%s: the peer does not fit beside ours, whose results are unchecked at this size: %s\n",
                workload.name.c_str(), std::string(compared.message()).c_str());
    peer.reset();
  } else {
    COHORT_RETURN_IF_ERROR(compared);
  }
  DeviceStep step(device, MakeRaggedStep(workload.config, workload.shape), workload.settings, ours.get(), peer.get());
  return kernels::StatusFromTorch(workload.name, [&] { return step.Run(budget); });
}

bool Run(const kernels::BenchmarkDevice& where) {
  std::vector<absl::StatusOr<Workload>> workloads;
  if (where.is_small) {
    workloads.push_back(SmallWorkload());
  } else {
    workloads.push_back(MakeWorkload("qwen3-0.6b", /*wall_seconds=*/90));
    workloads.push_back(MakeWorkload("qwen3-1.7b", /*wall_seconds=*/150));
  }
  bool good = true;
  for (const absl::StatusOr<Workload>& workload : workloads) {
    const absl::Status status = workload.ok() ? RunWorkload(*workload, where.device) : workload.status();
    if (!status.ok()) std::printf("E3: %s\n", status.ToString().c_str());
    good &= status.ok();
    kernels::ReleaseCachedMemory(where.device);
  }
  return good;
}

}  // namespace
}  // namespace cohort::learner

int main(int argc, char** argv) {
  const std::optional<cohort::kernels::BenchmarkDevice> where = cohort::kernels::DeviceArgument(argc, argv);
  if (!where.has_value()) return 0;
  at::manual_seed(1);
  return cohort::learner::Run(*where) ? 0 : 1;
}
