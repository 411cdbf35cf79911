// SPDX-License-Identifier: Apache-2.0
#include "tests/end_to_end/tiny_example.h"

#include <stdlib.h>

#include <filesystem>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "model/weights/model_folder.h"
#include "tests/end_to_end/real_binaries.h"

namespace cohort::tests {
namespace {

constexpr char kConfig[] = R"({
  "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "eos_token_id": 1, "head_dim": 16, "hidden_act": "silu",
  "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 96, "max_position_embeddings": 64,
  "model_type": "qwen3", "num_attention_heads": 2, "num_hidden_layers": 2, "num_key_value_heads": 1,
  "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 10000.0, "sliding_window": null,
  "tie_word_embeddings": true, "torch_dtype": "float32", "use_sliding_window": false, "vocab_size": 16
}
)";

constexpr char kSftJob[] = R"(model:
  path: model
sft:
  data:
    jsonl:
      path: data/demonstrations.jsonl
    fields:
      prompt: prompt
      completion: completion
  sequences_per_step: 16
optimizer:
  learning_rate: 3.0e-3
training:
  num_steps: $0
  world_size: $1
  seed: 5
)";

// What RLVR jobs train on.
constexpr char kAdditions[] = R"(rlvr:
  data:
    jsonl:
      path: data/problems.jsonl
    fields:
      prompt: prompt
      answer: answer
  reward:
    verifiers:
      - math_answer:
          answer_marker: ">"
)";

constexpr char kShortRlvrJob[] = R"(model:
  path: model
$0  rollout:
    group_size: 2
    groups_per_step: $1
    $4
    max_attempts: 50
    sampling:
      temperature: 1
      max_completion_tokens: 8
optimizer:
  learning_rate: 1.0e-3
training:
  num_steps: $2
  world_size: $3
  seed: 5
checkpoint:
  every_steps: 2
)";

constexpr char kRlvrJob[] = R"(model:
  $0
$1  rollout:
    group_size: 4
    groups_per_step: $2
    sampling:
      temperature: 1
      max_completion_tokens: 8
optimizer:
  learning_rate: 1.0e-3
training:
  num_steps: $3
  updates_per_step: 2
  world_size: $4
  seed: 5
checkpoint:
  every_steps: 4
evaluation:
  data:
    jsonl:
      path: data/held_out.jsonl
    fields:
      prompt: prompt
      answer: answer
  runs:
    - name: greedy
      sampling:
        temperature: 0
        max_completion_tokens: 8
)";

}  // namespace

std::string RlvrJobText(const std::string& model_source, int world_size) {
  return absl::Substitute(kRlvrJob, model_source, kAdditions, kGroupsPerStep, kRlvrSteps, world_size);
}

std::string ShortRlvrJobText(const ShortRlvrJob& job) {
  return absl::Substitute(kShortRlvrJob, kAdditions, job.groups_per_step, job.num_steps, job.world_size, job.schedule);
}

void WriteTinyExample(const std::string& directory, int world_size) {
  namespace fs = std::filesystem;
  const std::string shipped = Binary("examples/arithmetic/model");
  const std::string model_template = directory + "/template";
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    WriteText(absl::StrCat(model_template, "/", name), ReadText(absl::StrCat(shipped, "/", name)));
  }
  WriteText(model_template + "/config.json", kConfig);
  const absl::Status status = model::WriteRandomModel(model_template, directory + "/model", /*seed=*/5);
  if (!status.ok()) {
    std::cerr << status << std::endl;
    abort();  // no test makes sense without a model
  }
  std::string demonstrations;
  std::string problems;
  std::string held_out;
  for (int i = 0; i < 100; ++i) {
    const int a = i / 10;
    const int b = i % 10;
    const std::string prompt = absl::Substitute(R"("prompt": "$0+$1=")", a, b);
    absl::StrAppend(&demonstrations, "{", prompt, absl::Substitute(R"(, "completion": ">$0"})", a + b), "\n");
    absl::StrAppend(i % 7 == 0 ? &held_out : &problems, "{", prompt, absl::Substitute(R"(, "answer": $0})", a + b),
                    "\n");
  }
  WriteText(directory + "/data/demonstrations.jsonl", demonstrations);
  WriteText(directory + "/data/problems.jsonl", problems);
  WriteText(directory + "/data/held_out.jsonl", held_out);
  WriteText(directory + "/sft.yaml", absl::Substitute(kSftJob, kSftSteps, world_size));
  WriteText(directory + "/rlvr.yaml", RlvrJobText("from_job: sft", world_size));
}

}  // namespace cohort::tests
