// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TESTING_SPECS_H_
#define COHORT_OBJECTIVE_TESTING_SPECS_H_

// Objectives of tests, from a preset and overrides in protobuf text.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/objective.h"
#include "objective/objective_resolution.h"

namespace cohort::objective {

inline cohort::v1::ObjectiveSpec ParseSpec(const std::string& text) {
  cohort::v1::ObjectiveSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

inline ResolutionContext ContextFor(const std::string& preset) {
  return {.is_sft = preset == "sft",
          .group_size = 8,
          .has_item_rewards = true,
          .num_ranked_items = 0,
          .ranked_items_field = "",
          .max_completion_tokens = 8,
          .fixed_lag = 0};
}

inline cohort::v1::ObjectiveSpec ResolvedSpec(const std::string& preset, const std::string& overrides = "") {
  cohort::v1::ObjectiveSpec spec = ParseSpec(overrides);
  spec.set_preset(preset);
  absl::StatusOr<cohort::v1::ObjectiveSpec> resolved = ResolveObjective(spec, ContextFor(preset));
  EXPECT_TRUE(resolved.ok()) << preset << ": " << resolved.status();
  return resolved.ok() ? *resolved : spec;
}

inline std::unique_ptr<Objective> MakeObjective(const std::string& preset, const std::string& overrides = "") {
  absl::StatusOr<std::unique_ptr<Objective>> objective = Objective::Create(ResolvedSpec(preset, overrides));
  EXPECT_TRUE(objective.ok()) << objective.status();
  return *std::move(objective);
}

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TESTING_SPECS_H_
