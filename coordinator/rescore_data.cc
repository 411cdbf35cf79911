// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rescore_data.h"

#include <string>
#include <utility>

#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"
#include "reward/row_use.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestBytes = 32;

}  // namespace

absl::StatusOr<JobData> OpenRescoreData(const CoordinatorContext& context, std::string_view name_space,
                                        const cohort::v1::RescoreSpec& spec) {
  COHORT_ASSIGN_OR_RETURN(auto source, RescoreSource::Open(context.store, context.log, name_space, spec));
  // Only what it trained on.
  cohort::v1::JobSpec trained = source->job().job.spec();
  trained.clear_evaluation();
  auto data = OpenJobData(trained, DatasetRootsOf(context, source->job().job.name()), source->job().model_path);
  if (!data.ok()) return common::PrefixField(data.status(), "rescore.job");
  const std::string digest = source->job().data_digest.substr(0, kDigestBytes);
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckUnchanged(*data, trained, digest), "rescore.job"));
  data->rescore = std::move(source);
  return data;
}

absl::StatusOr<JobData> OpenDataOf(const CoordinatorContext& context, const JobRecord& record) {
  const cohort::v1::JobSpec& spec = record.job.spec();
  auto data = spec.has_rescore() ? OpenRescoreData(context, NamespaceOf(record.job.name()), spec.rescore())
                                 : OpenJobData(spec, DatasetRootsOf(context, record.job.name()), record.model_path);
  if (data.ok()) {
    COHORT_RETURN_IF_ERROR(CheckUnchanged(*data, spec, record.data_digest));
  }
  return data;
}

absl::StatusOr<cohort::v1::JobSpec> ProblemsToJudge(const JobData& data, const cohort::v1::RescoreSpec& spec) {
  const cohort::v1::JobSpec& trained = data.rescore->job().job.spec();
  if (trained.rlvr().data().fields().answer().empty() && reward::NeedsAnswer(spec.reward())) {
    return common::InvalidField("rescore.reward", "",
                                "math_answer compares with rlvr.data.fields.answer, which the job does not name");
  }
  cohort::v1::JobSpec problems;
  *problems.mutable_model() = trained.model();
  *problems.mutable_rescore() = spec;
  *problems.mutable_evaluation()->mutable_data() = trained.rlvr().data();
  return problems;
}

}  // namespace cohort::coordinator
