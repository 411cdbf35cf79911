// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_data.h"

#include <utility>

#include "common/field_error.h"

namespace cohort::coordinator {

absl::StatusOr<JobData> OpenJobData(const cohort::v1::JobSpec& spec, std::string_view data_root) {
  JobData data;
  auto train = Dataset::Open(spec.has_sft() ? spec.sft().data() : spec.rlvr().data(), data_root);
  if (!train.ok()) return common::PrefixField(train.status(), spec.has_sft() ? "sft.data" : "rlvr.data");
  data.train = *std::move(train);
  data.cursor = std::make_unique<PromptCursor>(spec.training().seed(), data.train->NumRows());
  if (!spec.has_evaluation()) return data;
  auto evaluation = Dataset::Open(spec.evaluation().data(), data_root);
  if (!evaluation.ok()) return common::PrefixField(evaluation.status(), "evaluation.data");
  data.evaluation = *std::move(evaluation);
  return data;
}

}  // namespace cohort::coordinator
