// SPDX-License-Identifier: Apache-2.0
// cohortctl trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cli/timeline_records.h"
#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class TraceVerbTest : public VerbFixture {
 protected:
  TraceVerbTest() {
    AddJobAt("demo", cohort::v1::JOB_STATE_RUNNING, 12);
    std::vector<cohort::v1::StepRecord> steps;
    for (int64_t step = 0; step < 12; ++step) steps.push_back(TimedStep(step, {step}, 10.0 * (step + 1)));
    service_.SetSteps(steps);
    service_.SetRollouts({TimedGroup(3, "a", 30), TimedGroup(4, "a", 40)});
  }
  static std::set<std::string> NamesOf(const std::string& text, const std::string& category) {
    std::set<std::string> names;
    const json trace = json::parse(text);
    for (const json& event : trace.at("traceEvents")) {
      if (event.value("cat", "") == category) names.insert(event["name"].get<std::string>());
    }
    return names;
  }
};

TEST_F(TraceVerbTest, WritesTheStepsAndGroupsOfTheRange) {
  const std::string path = dir_.Join("trace.json");
  EXPECT_EQ(Run({"trace", "demo", "--first_step", "3", "--last_step", "4", "--output", path}), common::kExitOk)
      << err_.str();
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("steps 3 to 4: 2 committed steps, 2 groups, on 4 processes"));
  ASSERT_OK_AND_ASSIGN(const std::string text, common::ReadFile(path));
  EXPECT_EQ(NamesOf(text, "steps"), (std::set<std::string>{"step 3", "step 4"}));
  EXPECT_EQ(NamesOf(text, "groups"), (std::set<std::string>{"group 3", "group 4"}));
  const cohort::v1::ListRolloutsRequest request = service_.LastListRollouts();
  EXPECT_EQ(request.filter().first_step(), 3);
  EXPECT_EQ(request.filter().last_step(), 4);
  EXPECT_TRUE(request.timings_only());
}

TEST_F(TraceVerbTest, WithoutARangeItIsTheLastTenSteps) {
  EXPECT_EQ(Run({"trace", "demo"}), common::kExitOk) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("steps 2 to 11: 10 committed steps"));
  EXPECT_EQ(NamesOf(out_.str(), "steps").size(), 10u);
}

TEST_F(TraceVerbTest, SaysWhichTimesAreGone) {
  cohort::v1::StoredRollouts released = TimedGroup(5, "a", 50);
  released.mutable_group()->clear_rollouts();
  service_.SetRollouts({TimedGroup(4, "a", 40), released});
  EXPECT_EQ(Run({"trace", "demo"}), common::kExitOk);
  EXPECT_THAT(err_.str(), HasSubstr("of 1 groups are not kept any more"));
}

TEST_F(TraceVerbTest, ARangeThatIsNoneIsBadUsage) {
  EXPECT_EQ(Run({"trace", "demo", "--first_step", "5", "--last_step", "4"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("first_step"));
  EXPECT_EQ(Run({"trace", "other"}), common::kExitNotFound);
}

}  // namespace
}  // namespace cohort::cli
