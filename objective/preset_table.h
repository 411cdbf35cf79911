// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESET_TABLE_H_
#define COHORT_OBJECTIVE_PRESET_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

// In the order of docs/objectives.md.
std::vector<std::string> PresetNames();

// The published setting by that name; null when there is none. Fields that the method does not speak of are unset.
// Pure; the pointee lives as long as the program.
const cohort::v1::ObjectiveSpec* FindPreset(std::string_view name);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESET_TABLE_H_
