// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/sampler.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

#include "kernels/sampling.h"
#include "kernels/sampling_key.h"
#include "kernels/torch/logprob_op.h"

namespace cohort::rollout_worker {
namespace {

// Greedy completions are scored at temperature 1.
double LogprobTemperature(const SamplingParameters& sampling) {
  return sampling.temperature > 0 ? sampling.temperature : 1.0;
}

double Uniform(const SampledRow& row) {
  return kernels::SamplingUniform({.seed = static_cast<uint64_t>(row.group->seed),
                                   .problem_id = row.group->problem_id,
                                   .epoch = row.group->epoch,
                                   .sibling = row.sibling,
                                   .position = row.position});
}

}  // namespace

bool IsFiltered(const SamplingParameters& sampling) {
  return sampling.temperature > 0 && (sampling.top_k > 0 || sampling.top_p < 1);
}

void Sampler::Sample(const at::Tensor& logits_RV, std::vector<SampledRow>* rows) {
  DrawTokens(logits_RV, rows);
  ComputeLogprobs(logits_RV, rows);
}

void Sampler::DrawTokens(const at::Tensor& logits_RV, std::vector<SampledRow>* rows) {
  const at::Tensor host_logits_RV = logits_RV.cpu().contiguous();
  const int64_t vocab_size = host_logits_RV.size(1);
  const float* logits = host_logits_RV.const_data_ptr<float>();
  for (SampledRow& row : *rows) {
    const SamplingParameters& sampling = row.group->sampling;
    const kernels::SampledToken sampled = kernels::SampleToken(
        logits, vocab_size, {.temperature = sampling.temperature, .top_k = sampling.top_k, .top_p = sampling.top_p},
        Uniform(row));
    row.token_id = static_cast<int32_t>(sampled.token);
    row.sampling_logprob = static_cast<float>(sampled.logprob);
    logits += vocab_size;
  }
}

void Sampler::ComputeLogprobs(const at::Tensor& logits_RV, std::vector<SampledRow>* rows) {
  const int64_t num_rows = static_cast<int64_t>(rows->size());
  targets_.resize(num_rows);
  temperatures_.clear();
  for (int64_t i = 0; i < num_rows; ++i) {
    targets_[i] = std::max((*rows)[i].token_id, 0);
    const double temperature = LogprobTemperature((*rows)[i].group->sampling);
    const bool is_known = std::find(temperatures_.begin(), temperatures_.end(), temperature) != temperatures_.end();
    if (!is_known) temperatures_.push_back(temperature);
  }
  const at::Tensor targets_R = at::from_blob(targets_.data(), {num_rows}, at::kLong).to(logits_RV.device());
  for (const double temperature : temperatures_) {
    // A row's log-prob does not depend on the other rows, so those of another temperature are computed and left out.
    const at::Tensor logprobs_R = kernels::LogprobForward(logits_RV, targets_R, temperature).logprobs_T.cpu();
    const float* logprobs = logprobs_R.const_data_ptr<float>();
    for (int64_t i = 0; i < num_rows; ++i) {
      if (LogprobTemperature((*rows)[i].group->sampling) == temperature) (*rows)[i].behavior_logprob = logprobs[i];
    }
  }
}

}  // namespace cohort::rollout_worker
