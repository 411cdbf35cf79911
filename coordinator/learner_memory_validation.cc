// SPDX-License-Identifier: Apache-2.0
#include "coordinator/learner_memory_validation.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/field_error.h"
#include "model/learner_load.h"
#include "model/memory_estimate.h"

namespace cohort::coordinator {
namespace {

// In GiB; three digits at least, so that parts of a tiny model are told as well, and those of a large one apart.
std::string GibText(int64_t bytes) {
  const double gib = static_cast<double>(bytes) / (1 << 30);
  return gib < 10 ? absl::StrFormat("%.3g", gib) : absl::StrFormat("%.2f", gib);
}

std::string SumText(const model::LearnerMemory& memory, int64_t microbatch_tokens) {
  std::string text = absl::StrCat("weights ", GibText(memory.weights), " + gradients ", GibText(memory.gradients),
                                  " + optimizer ", GibText(memory.optimizer));
  if (memory.reference > 0) absl::StrAppend(&text, " + reference policy ", GibText(memory.reference));
  absl::StrAppend(&text, " + activations of ", microbatch_tokens, " tokens ", GibText(memory.activations),
                  " + backward pass ", GibText(memory.backward));
  return text;
}

}  // namespace

absl::Status CheckLearnerMemory(const cohort::v1::JobSpec& spec, const model::ModelFolderSummary& model,
                                int64_t longest_sequence_tokens, int64_t rank_memory_bytes) {
  if (rank_memory_bytes <= 0) return absl::OkStatus();
  const model::LearnerLoad load = model::LearnerLoadOf(spec, longest_sequence_tokens);
  const model::LearnerMemory memory = model::EstimateLearnerMemory(model.config, model.parameters, load);
  const int64_t asked_bytes = spec.scheduling().rank().min_memory_bytes();
  if (memory.total <= std::max(rank_memory_bytes, asked_bytes)) return absl::OkStatus();
  const std::string limit =
      asked_bytes > rank_memory_bytes
          ? absl::StrCat("scheduling.rank.min_memory_bytes is ", GibText(asked_bytes), " GiB")
          : absl::StrCat("--learner_memory_gib of the coordinator is ", GibText(rank_memory_bytes));
  return common::InvalidField("training", "",
                              absl::StrCat("a learner rank needs ", GibText(memory.total), " GiB (",
                                           SumText(memory, load.microbatch_tokens), "), ", limit));
}

}  // namespace cohort::coordinator
