// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OBJECTIVE_REGISTRY_H_
#define COHORT_OBJECTIVE_OBJECTIVE_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/objective.h"

namespace cohort::objective {

// Which class stands for which member of ObjectiveSpec's oneof. Thread-safe once filled.
class ObjectiveRegistry final {
 public:
  using Factory = std::function<std::unique_ptr<Objective>(const cohort::v1::ObjectiveSpec& spec)>;

  // ALREADY_EXISTS when the case has a factory.
  absl::Status Register(cohort::v1::ObjectiveSpec::ObjectiveCase objective_case, Factory factory);
  // INVALID_ARGUMENT names a field out of range; UNIMPLEMENTED a case that nothing was registered for.
  absl::StatusOr<std::unique_ptr<Objective>> Create(const cohort::v1::ObjectiveSpec& spec) const;

 private:
  std::map<int, Factory> factories_;
};

// Every objective of this room.
absl::Status RegisterBuiltinObjectives(ObjectiveRegistry* registry);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OBJECTIVE_REGISTRY_H_
