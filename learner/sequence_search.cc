// SPDX-License-Identifier: Apache-2.0
#include "learner/sequence_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

constexpr size_t kMaxNamed = 8;  // sequences in one message

// Tokens [begin, end) of every list that there is.
TokenNumbers PartOf(const TokenNumbers& numbers, int64_t begin, int64_t end) {
  const auto part = [begin, end](const at::Tensor& values_T) {
    return values_T.defined() ? values_T.narrow(0, begin, end - begin) : at::Tensor();
  };
  return {.policy_logprobs_T = part(numbers.policy_logprobs_T),
          .policy_entropies_T = part(numbers.policy_entropies_T),
          .proximal_logprobs_T = part(numbers.proximal_logprobs_T),
          .proximal_entropies_T = part(numbers.proximal_entropies_T),
          .reference_logprobs_T = part(numbers.reference_logprobs_T)};
}

}  // namespace

absl::StatusOr<PreparedUpdate> SequencesApart(const PreparedUpdate& update, const std::vector<TrainSequence>& sequences,
                                              size_t index) {
  const Microbatch& whole = update.microbatches[index];
  PreparedUpdate apart;
  apart.statistics = update.statistics;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("sequences of a microbatch", [&] {
    for (int64_t i = whole.sequences.begin; i < whole.sequences.end; ++i) {
      const auto place = static_cast<size_t>(i - whole.sequences.begin);
      apart.microbatches.push_back(BuildMicrobatch(sequences, {.begin = i, .end = i + 1}));
      apart.numbers.push_back(
          PartOf(update.numbers[index], whole.trained_cu_seqlens[place], whole.trained_cu_seqlens[place + 1]));
    }
    return absl::OkStatus();
  }));
  return apart;
}

absl::StatusOr<std::vector<std::string>> SequencesWithoutFiniteGradient(const PreparedUpdate& update,
                                                                        const std::vector<TrainSequence>& sequences,
                                                                        const GradientNormOf& norm_of) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < update.microbatches.size() && labels.empty(); ++i) {
    COHORT_ASSIGN_OR_RETURN(const double whole_norm, norm_of(update, i));
    if (std::isfinite(whole_norm)) continue;
    COHORT_ASSIGN_OR_RETURN(const PreparedUpdate apart, SequencesApart(update, sequences, i));
    for (size_t j = 0; j < apart.microbatches.size(); ++j) {
      COHORT_ASSIGN_OR_RETURN(const double norm, norm_of(apart, j));
      if (!std::isfinite(norm)) labels.push_back(sequences[apart.microbatches[j].sequences.begin].label);
    }
  }
  return labels;
}

std::string GradientComplaint(double norm, const std::vector<std::string>& labels) {
  std::string text = absl::StrCat("the gradient is not finite (norm ", norm, ")");
  if (labels.empty()) return absl::StrCat(text, ", though that of every sequence alone is");
  for (size_t i = 0; i < std::min(labels.size(), kMaxNamed); ++i) absl::StrAppend(&text, ", ", labels[i]);
  if (labels.size() > kMaxNamed) absl::StrAppend(&text, " and ", labels.size() - kMaxNamed, " more");
  return text;
}

}  // namespace cohort::learner
