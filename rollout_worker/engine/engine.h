// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_ENGINE_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_ENGINE_H_

// Shapes: R rows of one step, D hidden size, V vocabulary.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "model/decoder.h"
#include "model/kv_cache.h"
#include "rollout_worker/engine/sampler.h"
#include "rollout_worker/engine/scheduler.h"
#include "rollout_worker/engine/sequence.h"

namespace cohort::rollout_worker {

struct EngineOptions {
  int32_t max_sequences = 128;
  int64_t kv_cache_tokens = 65536;
  int32_t max_prefill_tokens = 8192;
};

// Samples groups with one policy version. Finished sequences leave and waiting ones join at every step; the prompt of a
// group is computed once. Neither the tokens nor their log-probs depend on what else runs. Not thread-safe. `decoder`
// and `clock` must outlive the engine, and the decoder's parameters may change only while there is no work.
//
//   engine->Add(group);
//   while (engine->HasWork()) for (SampledGroup& group : *engine->Step()) Use(std::move(group));
class Engine final {
 public:
  // RESOURCE_EXHAUSTED when the cache does not fit into memory.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options, const model::Decoder* decoder,
                                                        common::Clock* clock);

  // INVALID_ARGUMENT when the prompt is empty, has an id outside the vocabulary or leaves no room for a token in the
  // model's context; RESOURCE_EXHAUSTED when the cache could never hold it. Completions end at the context's end.
  absl::Status Add(EngineGroup group);
  // Forgets a group, whatever its state; nothing when it is unknown.
  absl::Status Drop(int64_t group_id);
  // One token for every running sequence; returns the groups that are finished, and with a status those whose logits
  // are not finite: they are dropped, the others go on. After an error the engine is unusable.
  absl::StatusOr<std::vector<SampledGroup>> Step();

  bool HasWork() const { return !groups_.empty(); }
  int32_t num_running() const { return scheduler_.num_running(); }
  int32_t num_waiting() const { return scheduler_.num_waiting(); }
  const BlockAllocator& blocks() const { return scheduler_.blocks(); }
  // Tokens since the engine was made.
  int64_t num_generated_tokens() const { return num_generated_tokens_; }
  int64_t num_prefilled_tokens() const { return num_prefilled_tokens_; }

 private:
  struct Group {
    EngineGroup spec;
    std::vector<Sequence> sequences;
    int32_t num_finished = 0;
    int64_t prompt_row = -1;      // row of the prompt's logits in this step; -1: not in this step
    at::Tensor prompt_logits_1V;  // kept while siblings wait
    absl::Duration start_time;
  };
  struct Slot {
    Group* group = nullptr;  // null when the slot is empty
    int32_t sibling = 0;
  };

  Engine(const EngineOptions& options, const model::Decoder* decoder, common::Clock* clock,
         std::unique_ptr<model::KvCache> cache);
  absl::Status RunStep(std::vector<SampledGroup>* finished);
  void BuildBatch(const std::vector<Admission>& admissions);
  void AddJoining(const Admission& admission);
  absl::StatusOr<at::Tensor> ComputeRowLogits(const std::vector<Admission>& admissions);
  void CopyPromptBlocks(const std::vector<Admission>& admissions);
  at::Tensor GatherSampledRows(const at::Tensor& logits_RV, const std::vector<Admission>& admissions);
  absl::Status AppendTokens(std::vector<SampledGroup>* finished);
  absl::Status Finish(int32_t slot, cohort::v1::FinishReason reason, std::vector<SampledGroup>* finished);

  const EngineOptions options_;
  const model::Decoder* const decoder_;
  common::Clock* const clock_;
  const std::unique_ptr<model::KvCache> cache_;
  Scheduler scheduler_;
  Sampler sampler_;
  std::unordered_map<int64_t, std::unique_ptr<Group>> groups_;
  std::vector<Slot> slots_;
  absl::Duration step_begin_;
  // Of the step in progress; members so that their memory is used again.
  model::PagedBatch batch_;
  std::vector<int64_t> logits_rows_;    // rows of the batch whose logits are wanted
  std::vector<int32_t> sampled_slots_;  // one per sampled row
  std::vector<SampledRow> sampled_rows_;
  int64_t num_generated_tokens_ = 0;
  int64_t num_prefilled_tokens_ = 0;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_ENGINE_H_
