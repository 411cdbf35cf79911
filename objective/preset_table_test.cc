// SPDX-License-Identifier: Apache-2.0
#include "objective/preset_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "objective/testing/specs.h"

namespace cohort::objective {
namespace {

TEST(PresetTableTest, EveryPresetIsThereOnceAndCarriesItsName) {
  const std::vector<std::string> names = PresetNames();
  EXPECT_EQ(names.size(), 15u);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  for (const std::string& name : names) {
    ASSERT_NE(FindPreset(name), nullptr) << name;
    EXPECT_EQ(FindPreset(name)->preset(), name);
  }
  EXPECT_EQ(FindPreset("ppo"), nullptr);
}

// A text that does not parse would leave nothing but the name.
TEST(PresetTableTest, EveryPresetSaysHowItsLossIsReduced) {
  for (const std::string& name : PresetNames()) {
    EXPECT_NE(FindPreset(name)->loss_reduction(), cohort::v1::LOSS_REDUCTION_UNSPECIFIED) << name;
    EXPECT_EQ(FindPreset(name)->branches_size() == 0, name == "sft") << name;
  }
}

TEST(PresetTableTest, EveryPresetResolvesAndMakesAnObjective) {
  for (const std::string& name : PresetNames()) {
    EXPECT_EQ(MakeObjective(name)->NeedsRollouts(), name != "sft") << name;
  }
}

TEST(PresetTableTest, NeedsFollowTheAxes) {
  EXPECT_FALSE(MakeObjective("grpo")->NeedsReference());
  EXPECT_TRUE(MakeObjective("rank_grpo")->NeedsReference());
  EXPECT_TRUE(MakeObjective("rank_grpo")->NeedsTokenText());
  EXPECT_TRUE(MakeObjective("sspo")->NeedsTokenText());
  EXPECT_FALSE(MakeObjective("dhpo_entropy")->NeedsTokenText());
  EXPECT_TRUE(MakeObjective("sspo")->NeedsProximalPassBeforeStatistics());
  EXPECT_FALSE(MakeObjective("dhpo_entropy")->NeedsProximalPassBeforeStatistics());
  EXPECT_TRUE(MakeObjective("dhpo_entropy")->NeedsProximalEntropies());
  EXPECT_FALSE(MakeObjective("dhpo")->NeedsProximalEntropies());
  const auto surprisal = MakeObjective("sspo", "branches { entropy_source: ENTROPY_SOURCE_SURPRISAL }");
  EXPECT_FALSE(surprisal->NeedsProximalEntropies());
  EXPECT_TRUE(surprisal->NeedsProximalPassBeforeStatistics());
  EXPECT_TRUE(MakeObjective("grpo", "mismatch { bypass: true }")->UsesBehaviorAsProximal());
  EXPECT_EQ(MakeObjective("grpo", "selection { top_entropy_share: 0.2 }")->num_statistic_rounds(), 4);
}

}  // namespace
}  // namespace cohort::objective
