// SPDX-License-Identifier: Apache-2.0
#include "objective/objective_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "objective/grpo.h"
#include "objective/objective_spec_check.h"
#include "objective/sft.h"

namespace cohort::objective {

using cohort::v1::ObjectiveSpec;

absl::Status ObjectiveRegistry::Register(ObjectiveSpec::ObjectiveCase objective_case, Factory factory) {
  if (!factories_.emplace(objective_case, std::move(factory)).second) {
    return absl::AlreadyExistsError(absl::StrCat("objective: registered twice (oneof case ", objective_case, ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Objective>> ObjectiveRegistry::Create(const ObjectiveSpec& spec) const {
  COHORT_RETURN_IF_ERROR(CheckObjectiveSpec(spec));
  const auto found = factories_.find(spec.objective_case());
  if (found == factories_.end()) {
    return absl::UnimplementedError(absl::StrCat("objective: not registered (oneof case ", spec.objective_case(), ")"));
  }
  return found->second(spec);
}

absl::Status RegisterBuiltinObjectives(ObjectiveRegistry* registry) {
  COHORT_RETURN_IF_ERROR(registry->Register(
      ObjectiveSpec::kGrpo, [](const ObjectiveSpec& spec) { return std::make_unique<GrpoObjective>(spec.grpo()); }));
  return registry->Register(ObjectiveSpec::kSft,
                            [](const ObjectiveSpec& spec) { return std::make_unique<SftObjective>(spec.sft()); });
}

}  // namespace cohort::objective
