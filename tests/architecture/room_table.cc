// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/room_table.h"

namespace cohort::tests {
namespace {

// What a room without tensors may know of the model: its configuration, tokenizer, chat template, files and size.
const std::vector<std::string>& TorchFreeModelHeaders() {
  static const auto* const headers = new std::vector<std::string>{
      "model/model_config",
      "model/tokenizer/",
      "model/weights/model_folder",
      "model/memory_estimate",
      "model/learner_load",
      "model/presets/",
      "model/chat_template/",
      "model/architectures/",
      "model/weights/safetensors",
      "model/weight_sync/folder_digest",
      "objective/resolution_context",
      "objective/credit",
      "objective/objective_resolution",
      "objective/job_context",
      "objective/planned_facts",
      "objective/rollout_facts",
      "model/precision",
  };
  return *headers;
}

}  // namespace

const std::vector<Room>& Rooms() {
  static const auto* const rooms = new std::vector<Room>{
      {.name = "proto", .is_torch_free = true},
      {.name = "common", .is_torch_free = true},
      {.name = "kernels", .may_include_rooms = {"common"}},
      {.name = "model", .may_include_rooms = {"kernels", "common", "proto"}},
      {.name = "rollout_log", .may_include_rooms = {"common", "proto"}, .is_torch_free = true},
      {.name = "objective", .may_include_rooms = {"kernels", "common", "proto"}},
      {.name = "reward", .may_include_rooms = {"common", "proto"}, .is_torch_free = true},
      // Sampling and AdamW are operators like any other, and torch_status.h is the one place that catches LibTorch.
      {.name = "rollout_worker",
       .may_include_rooms = {"model", "reward", "common", "proto"},
       .may_include_headers = {"kernels/sampling", "kernels/torch/"}},
      {.name = "learner",
       .may_include_rooms = {"model", "objective", "rollout_log", "common", "proto"},
       .may_include_headers = {"kernels/torch/", "kernels/side_by_side"}},
      {.name = "coordinator",
       .may_include_rooms = {"rollout_log", "reward", "common", "proto"},
       .may_include_headers = TorchFreeModelHeaders(),
       .is_torch_free = true},
      {.name = "cli",
       .may_include_rooms = {"reward", "common", "proto"},
       .may_include_headers = TorchFreeModelHeaders(),
       .is_torch_free = true},
      {.name = "tests",
       .may_include_rooms = {"proto", "common", "kernels", "model", "rollout_log", "objective", "reward",
                             "rollout_worker", "learner", "coordinator", "cli"}},
  };
  return *rooms;
}

const std::vector<ExternalRule>& ExternalRules() {
  static const auto* const rules = new std::vector<ExternalRule>{
      {.name = std::string(kTorchRule),
       .headers = {"ATen/", "c10/", "torch/", "caffe2/"},
       .allowed_in = {"kernels/torch/", "model/", "learner/", "rollout_worker/", "tests/"},
       .allowed_in_tests = true},
      {.name = "CUDA",
       .headers = {"cuda", "cub/", "cooperative_groups", "nccl", "mma.h", "nvtx"},
       .allowed_in = {"kernels/", "model/", "tests/"}},
      {.name = "gRPC",
       .headers = {"grpc/", "grpcpp/"},
       .allowed_in = {"common/", "model/weight_sync/", "rollout_worker/", "learner/", "coordinator/", "cli/",
                      "tests/"}},
  };
  return *rules;
}

}  // namespace cohort::tests
