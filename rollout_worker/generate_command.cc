// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/generate_command.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "model/tokenizer/prompt_tokens.h"
#include "rollout_worker/completion_text.h"
#include "rollout_worker/offline_files.h"
#include "rollout_worker/offline_model.h"

namespace cohort::rollout_worker {
namespace {

using Json = nlohmann::ordered_json;

absl::Status AddPrompts(const GenerateOptions& options, const std::vector<std::string>& prompts,
                        const model::Tokenizer& tokenizer, Engine* engine) {
  for (size_t i = 0; i < prompts.size(); ++i) {
    absl::StatusOr<std::vector<int32_t>> token_ids = model::EncodePrompt(tokenizer, prompts[i], /*is_rendered=*/false);
    if (!token_ids.ok()) return InRow(options.input, i, token_ids.status());
    EngineGroup group;
    group.id = static_cast<int64_t>(i);
    group.prompt_token_ids = *std::move(token_ids);
    group.group_size = options.samples;
    group.sampling = options.sampling;
    group.seed = options.seed;
    group.problem_id = static_cast<int64_t>(i);
    COHORT_RETURN_IF_ERROR(InRow(options.input, i, engine->Add(std::move(group))));
  }
  return absl::OkStatus();
}

std::string DescribeCompletion(int64_t row, size_t sample, const Sequence& sequence,
                               const model::Tokenizer& tokenizer) {
  const bool is_eos = sequence.finish_reason == cohort::v1::FINISH_REASON_EOS;
  Json line = {{"row", row},
               {"sample", sample},
               {"completion", CompletionText(sequence, tokenizer)},
               {"finish_reason", is_eos ? "eos" : "length"},
               {"token_ids", sequence.token_ids},
               {"behavior_logprobs", sequence.behavior_logprobs}};
  if (!sequence.sampling_logprobs.empty()) line["sampling_logprobs"] = sequence.sampling_logprobs;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::Status RunGenerate(const GenerateOptions& options, common::Clock* clock) {
  COHORT_RETURN_IF_ERROR(CheckOutputPath(options.output));
  COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> prompts, ReadPrompts(options.input));
  COHORT_ASSIGN_OR_RETURN(const OfflineModel model, LoadOfflineModel(options.model, options.device, options.precision));
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                          Engine::Create(options.engine, model.decoder.get(), clock));
  COHORT_RETURN_IF_ERROR(AddPrompts(options, prompts, *model.tokenizer, engine.get()));
  const absl::Duration start = clock->Monotonic();
  std::vector<SampledGroup> groups(prompts.size());
  while (engine->HasWork()) {
    COHORT_ASSIGN_OR_RETURN(std::vector<SampledGroup> finished, engine->Step());
    for (SampledGroup& group : finished) {
      COHORT_RETURN_IF_ERROR(InRow(options.input, static_cast<size_t>(group.id), group.status));
      groups[group.id] = std::move(group);
    }
  }
  const double seconds = absl::ToDoubleSeconds(clock->Monotonic() - start);
  std::string output;
  for (const SampledGroup& group : groups) {
    for (size_t sample = 0; sample < group.sequences.size(); ++sample) {
      output += DescribeCompletion(group.id, sample, group.sequences[sample], *model.tokenizer);
    }
  }
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(options.output, output));
  log::Info("generated", {{"prompts", prompts.size()},
                          {"tokens", engine->num_generated_tokens()},
                          {"seconds", seconds},
                          {"output", options.output}});
  return absl::OkStatus();
}

}  // namespace cohort::rollout_worker
