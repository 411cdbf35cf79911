// SPDX-License-Identifier: Apache-2.0
#include "objective/preset_table.h"

#include <google/protobuf/text_format.h>

#include <utility>

#include "objective/presets/cispo.h"
#include "objective/presets/dapo.h"
#include "objective/presets/dhpo.h"
#include "objective/presets/dr_grpo.h"
#include "objective/presets/gmpo.h"
#include "objective/presets/grpo.h"
#include "objective/presets/gspo.h"
#include "objective/presets/luspo.h"
#include "objective/presets/rank_grpo.h"
#include "objective/presets/sapo.h"
#include "objective/presets/sft.h"
#include "objective/presets/sspo.h"

namespace cohort::objective {
namespace {

struct NamedPreset {
  const char* name;
  const char* text;
};

constexpr NamedPreset kPresets[] = {
    {"sft", kSftPreset},
    {"grpo", kGrpoPreset},
    {"dapo", kDapoPreset},
    {"dr_grpo", kDrGrpoPreset},
    {"gspo", kGspoPreset},
    {"gspo_token", kGspoTokenPreset},
    {"luspo", kLuspoPreset},
    {"gmpo", kGmpoPreset},
    {"sspo", kSspoPreset},
    {"dhpo", kDhpoPreset},
    {"dhpo_entropy", kDhpoEntropyPreset},
    {"rank_grpo", kRankGrpoPreset},
    {"rank_grpo_paper", kRankGrpoPaperPreset},
    {"cispo", kCispoPreset},
    {"sapo", kSapoPreset},
};

using PresetList = std::vector<std::pair<std::string, cohort::v1::ObjectiveSpec>>;

// A text that does not parse would be an empty preset; preset_table_test.cc holds each to its fields.
PresetList ParsePresets() {
  PresetList presets;
  for (const NamedPreset& preset : kPresets) {
    cohort::v1::ObjectiveSpec spec;
    google::protobuf::TextFormat::ParseFromString(preset.text, &spec);
    spec.set_preset(preset.name);
    presets.emplace_back(preset.name, std::move(spec));
  }
  return presets;
}

const PresetList& Presets() {
  static const auto* const presets = new PresetList(ParsePresets());
  return *presets;
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const auto& [name, spec] : Presets()) names.push_back(name);
  return names;
}

const cohort::v1::ObjectiveSpec* FindPreset(std::string_view name) {
  for (const auto& [preset_name, spec] : Presets()) {
    if (preset_name == name) return &spec;
  }
  return nullptr;
}

}  // namespace cohort::objective
