// SPDX-License-Identifier: Apache-2.0
// Shapes: T completion tokens, S sequences.
#include "objective/token_batch_check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::objective {
namespace {

absl::Status CheckOffsets(std::span<const int64_t> cu_seqlens, size_t num_sequences) {
  if (cu_seqlens.size() != num_sequences + 1 || cu_seqlens.front() != 0 ||
      !std::is_sorted(cu_seqlens.begin(), cu_seqlens.end())) {
    return absl::InvalidArgumentError(
        absl::StrCat("cu_seqlens: must rise from 0, one more than there are sequences (", num_sequences, ")"));
  }
  return absl::OkStatus();
}

// Length and finiteness of one number per token of one sequence, all of whose tokens may be absent.
absl::Status CheckAdvantages(const BatchSequence& sequence, size_t num_tokens) {
  const std::string label(sequence.label);
  if (!std::isfinite(sequence.advantage)) {
    return absl::InvalidArgumentError(absl::StrCat("advantage: not finite (", sequence.advantage, "), ", label));
  }
  if (!sequence.token_advantages.empty() && sequence.token_advantages.size() != num_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("token_advantages: ", sequence.token_advantages.size(), " for ", num_tokens, " tokens, ", label));
  }
  for (size_t t = 0; t < sequence.token_advantages.size(); ++t) {
    if (std::isfinite(sequence.token_advantages[t])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("token_advantages: not finite (", sequence.token_advantages[t], "), ", label, " token ", t));
  }
  if (!sequence.mask.empty() && sequence.mask.size() != num_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("mask: ", sequence.mask.size(), " for ", num_tokens, " tokens, ", label));
  }
  return absl::OkStatus();
}

absl::Status CheckEnds(const char* name, std::span<const int64_t> ends, const BatchSequence& sequence,
                       int64_t num_tokens) {
  int64_t previous = 0;
  for (const int64_t end : ends) {
    if (end <= previous) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": must rise (", end, "), ", std::string(sequence.label)));
    }
    previous = end;
  }
  if (previous == num_tokens) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": must end at the number of tokens, ", num_tokens, " (",
                                                 previous, "), ", std::string(sequence.label)));
}

absl::Status CheckSequence(const BatchSequence& sequence, int64_t num_tokens, const BatchNeeds& needs) {
  if (sequence.group < 0 || sequence.group >= needs.num_groups) {
    return absl::InvalidArgumentError(absl::StrCat("group: must be below the update's ", needs.num_groups, " (",
                                                   sequence.group, "), ", std::string(sequence.label)));
  }
  COHORT_RETURN_IF_ERROR(CheckAdvantages(sequence, static_cast<size_t>(num_tokens)));
  if (needs.subsentence_ends) {
    COHORT_RETURN_IF_ERROR(CheckEnds("subsentence_ends", sequence.subsentence_ends, sequence, num_tokens));
  }
  return needs.item_ends ? CheckEnds("item_ends", sequence.item_ends, sequence, num_tokens) : absl::OkStatus();
}

template <typename Real>
absl::Status CheckTensor(const char* name, std::span<const Real> values_T, bool is_needed,
                         const TokenBatch<Real>& batch) {
  const int64_t num_tokens = batch.cu_seqlens.back();
  if (values_T.empty() && (!is_needed || num_tokens == 0)) return absl::OkStatus();
  if (values_T.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": missing"));
  if (static_cast<int64_t>(values_T.size()) != num_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", values_T.size(), " for ", num_tokens, " tokens"));
  }
  for (int64_t t = 0; t < num_tokens; ++t) {
    if (std::isfinite(values_T[t])) continue;
    const auto next = std::upper_bound(batch.cu_seqlens.begin(), batch.cu_seqlens.end(), t);
    const size_t sequence = static_cast<size_t>(next - batch.cu_seqlens.begin()) - 1;
    return absl::InvalidArgumentError(absl::StrCat(name, ": not finite (", values_T[t], "), ",
                                                   std::string(batch.sequences_S[sequence].label), " token ",
                                                   t - batch.cu_seqlens[sequence]));
  }
  return absl::OkStatus();
}

}  // namespace

template <typename Real>
absl::Status CheckTokenBatch(const TokenBatch<Real>& batch, const BatchNeeds& needs) {
  COHORT_RETURN_IF_ERROR(CheckOffsets(batch.cu_seqlens, batch.sequences_S.size()));
  for (size_t i = 0; i < batch.sequences_S.size(); ++i) {
    COHORT_RETURN_IF_ERROR(CheckSequence(batch.sequences_S[i], batch.cu_seqlens[i + 1] - batch.cu_seqlens[i], needs));
  }
  COHORT_RETURN_IF_ERROR(CheckTensor("policy_logprobs", batch.policy_logprobs_T, needs.policy, batch));
  COHORT_RETURN_IF_ERROR(CheckTensor("policy_entropies", batch.policy_entropies_T, needs.policy_entropies, batch));
  COHORT_RETURN_IF_ERROR(CheckTensor("proximal_logprobs", batch.proximal_logprobs_T, needs.proximal, batch));
  COHORT_RETURN_IF_ERROR(
      CheckTensor("proximal_entropies", batch.proximal_entropies_T, needs.proximal_entropies, batch));
  COHORT_RETURN_IF_ERROR(CheckTensor("behavior_logprobs", batch.behavior_logprobs_T, needs.behavior, batch));
  return CheckTensor("reference_logprobs", batch.reference_logprobs_T, needs.reference, batch);
}

template absl::Status CheckTokenBatch(const TokenBatch<float>&, const BatchNeeds&);
template absl::Status CheckTokenBatch(const TokenBatch<double>&, const BatchNeeds&);

}  // namespace cohort::objective
