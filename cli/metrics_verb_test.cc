// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricsVerbTest : public VerbFixture {
 protected:
  MetricsVerbTest() {
    AddJobAt("demo", cohort::v1::JOB_STATE_SUCCEEDED, 4);
    service_.SetSteps({StepOf(1), StepOf(2), StepOf(3), StepOf(4)});
  }
};

TEST_F(MetricsVerbTest, PlotsTheUsualMetricsThatThereAre) {
  EXPECT_EQ(Run({"metrics", "demo"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("loss  last 0.25  least 0.25  greatest 1\n"), Not(HasSubstr("rare")),
                                Not(HasSubstr("accuracy")), Not(HasSubstr("\033"))));
}

TEST_F(MetricsVerbTest, PlotsWhatIsAskedForOfTheNewestSteps) {
  EXPECT_EQ(Run({"metrics", "demo", "--metrics", "rare,loss", "--last", "2"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("rare  last 2"), HasSubstr("greatest 0.3333\n")));
  EXPECT_LT(out_.str().find("rare"), out_.str().find("loss"));
  EXPECT_EQ(Run({"metrics", "demo", "--metrics", "loss", "--smooth", "4"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("loss  last 0.5208"));
}

TEST_F(MetricsVerbTest, ListNamesThemAndAnUnknownOneIsSaidWithItsNeighbour) {
  EXPECT_EQ(Run({"metrics", "demo", "--list"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "loss\nrare\n");
  EXPECT_EQ(Run({"metrics", "demo", "--metrics", "rar"}), common::kExitNotFound);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("did you mean rare? (rar)"), HasSubstr("--list")));
}

TEST_F(MetricsVerbTest, CsvHasEveryMetricAndEveryDigit) {
  EXPECT_EQ(Run({"metrics", "demo", "-o", "csv", "--last", "2"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "policy_version,time,loss,rare\n3,1970-01-01T00:16:43Z,0.33333333333333331,2\n"
            "4,1970-01-01T00:16:44Z,0.25,2\n");
  EXPECT_EQ(Run({"metrics", "demo", "-o", "csv", "--follow"}), common::kExitUsage);
}

TEST_F(MetricsVerbTest, SvgIsOneChartWithEveryCurve) {
  const std::string path = dir_.path() + "/chart.svg";
  EXPECT_EQ(Run({"metrics", "demo", "--metrics", "loss,rare", "--svg", path}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "");
  ASSERT_OK_AND_ASSIGN(const std::string svg, common::ReadFile(path));
  EXPECT_THAT(svg, AllOf(HasSubstr(">loss</text>"), HasSubstr(">rare</text>"), HasSubstr("</svg>")));
}

TEST_F(MetricsVerbTest, FollowDrawsOnceAtTheEndWhereThereIsNoTerminal) {
  service_.SetSteps({StepOf(1)});
  std::vector<cohort::v1::JobEvent> events(2);
  for (int i = 0; i < 2; ++i) {
    events[i].set_sequence(i + 1);
    *events[i].mutable_step() = StepOf(i + 1).step();
  }
  service_.SetEvents("namespaces/default/jobs/demo", events);
  EXPECT_EQ(Run({"metrics", "demo", "--metrics", "loss", "--follow"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("loss  last 0.5  least 0.5  greatest 1\n"), Not(HasSubstr("\033"))));
  EXPECT_EQ(out_.str().find("loss"), out_.str().rfind("loss"));
}

TEST_F(MetricsVerbTest, FollowDrawsAnewWithEveryStepOnATerminal) {
  service_.SetSteps({StepOf(1)});
  cohort::v1::JobEvent event;
  event.set_sequence(1);
  *event.mutable_step() = StepOf(2).step();
  service_.SetEvents("namespaces/default/jobs/demo", {event});
  const std::string server = service_.Address();
  const char* argv[] = {"cohortctl", "--server", server.c_str(), "metrics", "demo", "--follow"};
  EXPECT_EQ(RunCommandLine(6, argv, {.out = &out_, .err = &err_, .out_columns = 60, .out_is_terminal = true}),
            common::kExitOk)
      << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("\033[H\033[Jloss  last 1"), HasSubstr("\033[H\033[Jloss  last 0.5")));
}

TEST_F(MetricsVerbTest, JobWithoutStepsSaysSo) {
  service_.SetSteps({});
  EXPECT_EQ(Run({"metrics", "demo"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "no step yet\n");
}

}  // namespace
}  // namespace cohort::cli
