// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/engine.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/logprob.h"

namespace cohort::rollout_worker {
namespace {

// Room made for the tokens of a sequence at the start; longer ones grow.
constexpr int32_t kReservedTokens = 512;

int32_t NumBlocks(const EngineOptions& options) {
  return static_cast<int32_t>((options.kv_cache_tokens + model::KvCache::kBlockTokens - 1) /
                              model::KvCache::kBlockTokens);
}

at::Tensor IndexOn(const std::vector<int64_t>& rows, const at::Device& device) {
  return at::tensor(at::ArrayRef<int64_t>(rows), at::kLong).to(device);
}

absl::Status CheckSampling(const EngineGroup& group) {
  const SamplingParameters& sampling = group.sampling;
  // The sampling key has 16 bits for the sibling.
  if (group.group_size < 1 || group.group_size > 65536) {
    return absl::InvalidArgumentError(absl::StrCat("group_size: must be 1 to 65536 (", group.group_size, ")"));
  }
  if (sampling.max_completion_tokens < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_completion_tokens: must be at least 1 (", sampling.max_completion_tokens, ")"));
  }
  if (!std::isfinite(sampling.temperature) || sampling.temperature < 0) {
    return absl::InvalidArgumentError(absl::StrCat("temperature: must be 0 or more (", sampling.temperature, ")"));
  }
  if (sampling.top_k < 0)
    return absl::InvalidArgumentError(absl::StrCat("top_k: must be 0 or more (", sampling.top_k, ")"));
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("top_p: must be above 0 and at most 1 (", sampling.top_p, ")"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options, const model::Decoder* decoder,
                                                       common::Clock* clock) {
  if (options.max_sequences < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be at least 1 (", options.max_sequences, "), --max_sequences"));
  }
  if (options.kv_cache_tokens < model::KvCache::kBlockTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be at least one block (", options.kv_cache_tokens, "), --kv_cache_tokens"));
  }
  std::unique_ptr<model::KvCache> cache;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("allocating the KV cache", [&] {
    cache = std::make_unique<model::KvCache>(decoder->config(), NumBlocks(options), decoder->OutputWeight().device(),
                                             decoder->precision());
    return absl::OkStatus();
  }));
  return std::unique_ptr<Engine>(new Engine(options, decoder, clock, std::move(cache)));
}

Engine::Engine(const EngineOptions& options, const model::Decoder* decoder, common::Clock* clock,
               std::unique_ptr<model::KvCache> cache)
    : options_(options),
      decoder_(decoder),
      clock_(clock),
      cache_(std::move(cache)),
      scheduler_({.max_sequences = options.max_sequences,
                  .max_prefill_tokens = options.max_prefill_tokens,
                  .block_tokens = static_cast<int32_t>(model::KvCache::kBlockTokens)},
                 NumBlocks(options)),
      slots_(options.max_sequences) {
  batch_.block_tables.resize(options.max_sequences);
}

absl::Status Engine::Add(EngineGroup group) {
  const model::ModelConfig& config = decoder_->config();
  const int64_t num_prompt_tokens = static_cast<int64_t>(group.prompt_token_ids.size());
  if (num_prompt_tokens == 0) return absl::InvalidArgumentError("prompt: is empty");
  if (num_prompt_tokens >= config.max_position_embeddings) {
    return absl::InvalidArgumentError(absl::StrCat("prompt: longer than the context (", num_prompt_tokens,
                                                   " tokens, context ", config.max_position_embeddings, ")"));
  }
  for (const int32_t token : group.prompt_token_ids) {
    if (token >= 0 && token < config.vocab_size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("prompt: token id outside the vocabulary of ", config.vocab_size, " (", token, ")"));
  }
  COHORT_RETURN_IF_ERROR(CheckSampling(group));
  group.sampling.max_completion_tokens = static_cast<int32_t>(
      std::min<int64_t>(group.sampling.max_completion_tokens, config.max_position_embeddings - num_prompt_tokens));
  COHORT_RETURN_IF_ERROR(scheduler_.Add(group.id, static_cast<int32_t>(num_prompt_tokens), group.group_size,
                                        group.sampling.max_completion_tokens));
  auto state = std::make_unique<Group>();
  state->sequences.resize(group.group_size);
  const absl::Duration now = clock_->Monotonic();
  for (Sequence& sequence : state->sequences) sequence.arrival_time = now;
  state->spec = std::move(group);
  groups_[state->spec.id] = std::move(state);
  return absl::OkStatus();
}

absl::Status Engine::Drop(int64_t group_id) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<int32_t> slots, scheduler_.Drop(group_id));
  for (const int32_t slot : slots) slots_[slot].group = nullptr;
  groups_.erase(group_id);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SampledGroup>> Engine::Step() {
  std::vector<SampledGroup> finished;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("decode step", [&] { return RunStep(&finished); }));
  return finished;
}

absl::Status Engine::RunStep(std::vector<SampledGroup>* finished) {
  step_begin_ = clock_->Monotonic();
  COHORT_ASSIGN_OR_RETURN(const std::vector<Admission> admissions, scheduler_.Admit());
  BuildBatch(admissions);
  if (sampled_rows_.empty()) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(const at::Tensor logits_RV, ComputeRowLogits(admissions));
  CopyPromptBlocks(admissions);
  sampler_.Sample(GatherSampledRows(logits_RV, admissions), &sampled_rows_);
  return AppendTokens(finished);
}

// Rows: the newest token of every running sequence, then the prompts that join. Sampled rows: running, then joining.
void Engine::BuildBatch(const std::vector<Admission>& admissions) {
  batch_.token_ids.clear();
  batch_.positions.clear();
  batch_.sequences.clear();
  batch_.block_tables.resize(options_.max_sequences);
  logits_rows_.clear();
  sampled_slots_.clear();
  sampled_rows_.clear();
  for (int32_t slot = 0; slot < options_.max_sequences; ++slot) {
    const Group* group = slots_[slot].group;
    if (group == nullptr) continue;
    const int32_t sibling = slots_[slot].sibling;
    const std::vector<int32_t>& token_ids = group->sequences[sibling].token_ids;
    logits_rows_.push_back(static_cast<int64_t>(batch_.token_ids.size()));
    batch_.token_ids.push_back(token_ids.back());
    batch_.positions.push_back(static_cast<int32_t>(group->spec.prompt_token_ids.size() + token_ids.size()) - 1);
    batch_.sequences.push_back(slot);
    sampled_slots_.push_back(slot);
    const int64_t position = static_cast<int64_t>(token_ids.size());
    sampled_rows_.push_back({.group = &group->spec, .sibling = sibling, .position = position});
  }
  for (const Admission& admission : admissions) AddJoining(admission);
}

void Engine::AddJoining(const Admission& admission) {
  Group* group = groups_.at(admission.group_id).get();
  slots_[admission.slot] = {.group = group, .sibling = admission.sibling};
  batch_.block_tables[admission.slot] = scheduler_.block_table(admission.slot);
  sampled_slots_.push_back(admission.slot);
  sampled_rows_.push_back({.group = &group->spec, .sibling = admission.sibling, .position = 0});
  Sequence& sequence = group->sequences[admission.sibling];
  const size_t num_reserved = std::min(group->spec.sampling.max_completion_tokens, kReservedTokens);
  sequence.token_ids.reserve(num_reserved);
  sequence.behavior_logprobs.reserve(num_reserved);
  sequence.join_time = step_begin_;
  if (!admission.needs_prefill) return;

  group->start_time = step_begin_;
  const std::vector<int32_t>& prompt = group->spec.prompt_token_ids;
  for (size_t i = 0; i < prompt.size(); ++i) {
    batch_.token_ids.push_back(prompt[i]);
    batch_.positions.push_back(static_cast<int32_t>(i));
    batch_.sequences.push_back(static_cast<int32_t>(batch_.block_tables.size()));
  }
  batch_.block_tables.push_back(admission.prompt_blocks);
  group->prompt_row = static_cast<int64_t>(logits_rows_.size());
  logits_rows_.push_back(static_cast<int64_t>(batch_.token_ids.size()) - 1);
  num_prefilled_tokens_ += static_cast<int64_t>(prompt.size());
}

// Undefined when nothing is to be computed: siblings that join behind their group's prefill only.
absl::StatusOr<at::Tensor> Engine::ComputeRowLogits(const std::vector<Admission>& admissions) {
  if (batch_.token_ids.empty()) return at::Tensor();
  COHORT_ASSIGN_OR_RETURN(at::Tensor hidden_TD, decoder_->ForwardPaged(batch_, cache_.get()));
  if (logits_rows_.size() < batch_.token_ids.size()) {
    hidden_TD = at::index_select(hidden_TD, 0, IndexOn(logits_rows_, hidden_TD.device()));
  }
  return model::ComputeLogits(hidden_TD, decoder_->OutputWeight());
}

void Engine::CopyPromptBlocks(const std::vector<Admission>& admissions) {
  std::vector<int64_t> from, to;
  for (const Admission& admission : admissions) {
    if (admission.copy_from_block < 0) continue;
    from.push_back(admission.copy_from_block);
    to.push_back(admission.copy_to_block);
  }
  if (from.empty()) return;
  const at::Device device = cache_->keys(0).device();
  const at::Tensor from_index = IndexOn(from, device);
  const at::Tensor to_index = IndexOn(to, device);
  for (int64_t layer = 0; layer < decoder_->config().num_layers; ++layer) {
    for (at::Tensor* blocks_BSKH : {&cache_->keys(layer), &cache_->values(layer)}) {
      blocks_BSKH->index_copy_(0, to_index, at::index_select(*blocks_BSKH, 0, from_index));
    }
  }
}

// One row per sampled row: siblings that join share the row of their prompt.
at::Tensor Engine::GatherSampledRows(const at::Tensor& logits_RV, const std::vector<Admission>& admissions) {
  if (admissions.empty()) return logits_RV;
  std::vector<at::Tensor> sources;
  if (logits_RV.defined()) sources.push_back(logits_RV);
  // Only the first group in the queue can have been prefilled in an earlier step, so at most one row was kept.
  const Group* first = groups_.at(admissions.front().group_id).get();
  if (first->prompt_row < 0) sources.push_back(first->prompt_logits_1V);
  const int64_t kept_row = static_cast<int64_t>(logits_rows_.size());
  std::vector<int64_t> index(sampled_rows_.size() - admissions.size());
  std::iota(index.begin(), index.end(), 0);
  for (const Admission& admission : admissions) {
    const int64_t prompt_row = groups_.at(admission.group_id)->prompt_row;
    index.push_back(prompt_row < 0 ? kept_row : prompt_row);
  }
  const at::Tensor source = sources.size() == 1 ? sources[0] : at::cat(sources, 0);
  Group* last = groups_.at(admissions.back().group_id).get();
  const bool has_waiting_siblings = admissions.back().sibling + 1 < last->spec.group_size;
  last->prompt_logits_1V = has_waiting_siblings ? source.narrow(0, index.back(), 1).clone() : at::Tensor();
  for (const Admission& admission : admissions) groups_.at(admission.group_id)->prompt_row = -1;
  return at::index_select(source, 0, IndexOn(index, source.device()));
}

absl::Status Engine::AppendTokens(std::vector<SampledGroup>* finished) {
  const std::vector<int32_t>& eos_token_ids = decoder_->config().eos_token_ids;
  const absl::Duration now = clock_->Monotonic();
  std::map<int64_t, absl::Status> failed;
  for (size_t row = 0; row < sampled_rows_.size(); ++row) {
    const SampledRow& sampled = sampled_rows_[row];
    if (sampled.token_id < 0) {
      failed.emplace(sampled.group->id,
                     absl::InternalError(absl::StrCat("logits are not finite, problem ", sampled.group->problem_id,
                                                      ", sibling ", sampled.sibling, ", token ", sampled.position)));
      continue;
    }
    const SamplingParameters& sampling = sampled.group->sampling;
    const Slot slot = slots_[sampled_slots_[row]];
    Sequence& sequence = slot.group->sequences[slot.sibling];
    sequence.token_ids.push_back(sampled.token_id);
    sequence.behavior_logprobs.push_back(sampled.behavior_logprob);
    if (IsFiltered(sampling)) sequence.sampling_logprobs.push_back(sampled.sampling_logprob);
    if (sampled.position == 0) sequence.first_token_time = now;
    ++num_generated_tokens_;
    if (std::find(eos_token_ids.begin(), eos_token_ids.end(), sampled.token_id) != eos_token_ids.end()) {
      COHORT_RETURN_IF_ERROR(Finish(sampled_slots_[row], cohort::v1::FINISH_REASON_EOS, finished));
    } else if (static_cast<int32_t>(sequence.token_ids.size()) >= sampling.max_completion_tokens) {
      COHORT_RETURN_IF_ERROR(Finish(sampled_slots_[row], cohort::v1::FINISH_REASON_LENGTH, finished));
    }
  }
  // A sibling that failed is never finished, so its group is still here.
  for (const auto& [id, status] : failed) {
    COHORT_RETURN_IF_ERROR(Drop(id));
    SampledGroup& sampled = finished->emplace_back();
    sampled.id = id;
    sampled.status = status;
  }
  return absl::OkStatus();
}

absl::Status Engine::Finish(int32_t slot, cohort::v1::FinishReason reason, std::vector<SampledGroup>* finished) {
  Group* group = slots_[slot].group;
  Sequence& sequence = group->sequences[slots_[slot].sibling];
  sequence.finish_reason = reason;
  sequence.last_token_time = clock_->Monotonic();
  slots_[slot].group = nullptr;
  COHORT_RETURN_IF_ERROR(scheduler_.Leave(slot));
  if (++group->num_finished < group->spec.group_size) return absl::OkStatus();
  SampledGroup sampled;
  sampled.id = group->spec.id;
  sampled.sequences = std::move(group->sequences);
  sampled.generation_time = clock_->Monotonic() - group->start_time;
  finished->push_back(std::move(sampled));
  groups_.erase(sampled.id);
  return absl::OkStatus();
}

}  // namespace cohort::rollout_worker
