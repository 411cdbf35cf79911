// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "cli/verb_fixture.h"
#include "cohort/v1/client_documents.pb.h"
#include "common/exit_codes.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using JobVerbsTest = VerbFixture;

TEST_F(JobVerbsTest, GetPrintsYamlWhenAsked) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"get", "demo", "-o", "yaml"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "name: namespaces/default/jobs/demo\nstate: running\netag: e1\n");
}

TEST_F(JobVerbsTest, ListFollowsEveryPage) {
  AddJob("a", cohort::v1::JOB_STATE_RUNNING);
  AddJob("b", cohort::v1::JOB_STATE_RUNNING);
  AddJob("c", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"list", "-o", "name"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "namespaces/default/jobs/a\nnamespaces/default/jobs/b\nnamespaces/default/jobs/c\n");
}

TEST_F(JobVerbsTest, WatchExitsWithFiveWhenTheJobFailed) {
  AddJob("good", cohort::v1::JOB_STATE_SUCCEEDED);
  AddJob("bad", cohort::v1::JOB_STATE_FAILED, "accuracy was not reached");
  EXPECT_EQ(Run({"watch", "good"}), common::kExitOk);
  EXPECT_EQ(Run({"watch", "bad"}), common::kExitJobFailed);
  EXPECT_THAT(err_.str(), HasSubstr("accuracy was not reached"));
}

TEST_F(JobVerbsTest, CancelPrintsTheJob) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"cancel", "demo"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("cancelled"));
}

TEST_F(JobVerbsTest, ListSendsStateLabelsAndNamespace) {
  AddJob("a", cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(Run({"list", "--state", "PAUSED", "--label", "team=x", "-l", "sweep"}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.LastList().parent(), "namespaces/default");
  EXPECT_EQ(service_.LastList().state(), cohort::v1::JOB_STATE_PAUSED);
  const auto labels = service_.LastList().labels();
  EXPECT_EQ(labels.at("team"), "x");
  EXPECT_EQ(labels.at("sweep"), "");
  EXPECT_EQ(Run({"list", "--all_namespaces"}), common::kExitOk);
  EXPECT_EQ(service_.LastList().parent(), "namespaces/-");
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("NAMESPACE"), HasSubstr("default    a")));
  EXPECT_EQ(Run({"list", "--label", "=x"}), common::kExitUsage);
}

TEST_F(JobVerbsTest, ListSendsItsOrder) {
  EXPECT_EQ(Run({"list", "--order_by", "create_time"}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.LastList().order_by(), "create_time");
}

TEST_F(JobVerbsTest, EmptyListSaysSoInJsonAndYaml) {
  EXPECT_EQ(Run({"list", "-o", "json"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "{\n \"jobs\": []\n}\n");
  EXPECT_EQ(Run({"list", "-o", "yaml"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "jobs: []\n");
  EXPECT_EQ(Run({"ps", "-o", "json"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "{\n \"processes\": []\n}\n");
}

TEST_F(JobVerbsTest, PauseAndResumePrintTheJob) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"pause", "demo"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("paused"));
  EXPECT_EQ(Run({"resume", "demo", "-o", "yaml"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("state: queued"));
}

TEST_F(JobVerbsTest, ChangesOfAnotherJobThanTheEtagsAreRefused) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  for (const char* verb : {"pause", "resume", "cancel"}) {
    EXPECT_EQ(Run({verb, "demo", "--etag", "e0"}), common::kExitFailure) << verb;
    EXPECT_THAT(err_.str(), HasSubstr("etag")) << verb;
    EXPECT_EQ(Run({verb, "demo", "--etag", "e1"}), common::kExitOk) << verb;
  }
}

TEST_F(JobVerbsTest, DeletePrintsTheNameWhenAsked) {
  AddJob("demo", cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Run({"delete", "demo", "-o", "name"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "namespaces/default/jobs/demo\n");
}

TEST_F(JobVerbsTest, DeleteAsksOnATerminalUnlessToldNotTo) {
  AddJob("demo", cohort::v1::JOB_STATE_FAILED);
  std::istringstream no("n\n");
  EXPECT_EQ(Run({"delete", "demo"}, &no), common::kExitFailure);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("demo (failed)"), HasSubstr("[y/N]"), HasSubstr("nothing was deleted")));
  EXPECT_EQ(Run({"get", "demo"}), common::kExitOk);
  std::istringstream yes("y\n");
  EXPECT_EQ(Run({"delete", "demo", "--delete_run_folder"}, &yes), common::kExitOk) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("checkpoint"));
  EXPECT_EQ(out_.str(), "job demo deleted\n");
  EXPECT_TRUE(service_.LastDelete().delete_run_folder());
  EXPECT_EQ(Run({"get", "demo"}), common::kExitNotFound);
}

TEST_F(JobVerbsTest, DeleteDoesNotAskWithYesOrWithoutATerminal) {
  AddJob("a", cohort::v1::JOB_STATE_SUCCEEDED);
  AddJob("b", cohort::v1::JOB_STATE_SUCCEEDED);
  std::istringstream no("n\n");
  EXPECT_EQ(Run({"delete", "a", "--yes"}, &no), common::kExitOk);
  EXPECT_EQ(Run({"delete", "b"}), common::kExitOk);
  EXPECT_EQ(err_.str(), "");
  EXPECT_FALSE(service_.LastDelete().delete_run_folder());
}

TEST_F(JobVerbsTest, WatchSaysOfAJobThatIsPausedNowHowItGoesOn) {
  AddJob("now", cohort::v1::JOB_STATE_PAUSED, "budget.tokens is spent");
  service_.SetStates("namespaces/default/jobs/now",
                     {cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_PAUSED, cohort::v1::JOB_STATE_SUCCEEDED});
  EXPECT_EQ(Run({"watch", "now"}), common::kExitOk) << "it goes on until the job ends";
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("budget.tokens is spent"), HasSubstr("cohortctl resume now")));
  AddJob("then", cohort::v1::JOB_STATE_PAUSED);
  service_.SetStates("namespaces/default/jobs/then", {cohort::v1::JOB_STATE_SUCCEEDED});
  EXPECT_EQ(Run({"watch", "then"}), common::kExitOk);
  EXPECT_EQ(err_.str(), "") << "the pause is over";
}

TEST_F(JobVerbsTest, WaitEndsInTheStateThatIsWaitedFor) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"wait", "demo", "--for=state=RUNNING"}), common::kExitOk) << err_.str();
  service_.SetStates("namespaces/default/jobs/demo", {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_SUCCEEDED});
  EXPECT_EQ(Run({"wait", "demo", "--timeout", "10m", "-o", "name"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "namespaces/default/jobs/demo\n");
}

TEST_F(JobVerbsTest, WaitEndsAtTheStepThatIsWaitedFor) {
  cohort::v1::Job job;
  job.set_name("namespaces/default/jobs/demo");
  job.set_state(cohort::v1::JOB_STATE_RUNNING);
  job.set_policy_version(3);
  service_.SetJob(job);
  EXPECT_EQ(Run({"wait", "demo", "--for=step=3"}), common::kExitOk) << err_.str();
  EXPECT_EQ(Run({"wait", "demo", "--for=step=4", "--timeout", "0"}), common::kExitTimeout);
  EXPECT_THAT(err_.str(), HasSubstr("demo is not at step 4 after 0: it is running at step 3"));
  job.set_state(cohort::v1::JOB_STATE_CANCELLED);
  service_.SetJob(job);
  EXPECT_EQ(Run({"wait", "demo", "--for=step=4"}), common::kExitJobFailed);
  EXPECT_EQ(Run({"wait", "demo", "--for=step=0"}), common::kExitUsage);
}

TEST_F(JobVerbsTest, WaitEndsWithFiveInAnotherEndAndWithFourWhenTheTimeIsOver) {
  AddJob("bad", cohort::v1::JOB_STATE_FAILED, "accuracy was not reached");
  EXPECT_EQ(Run({"wait", "bad"}), common::kExitJobFailed);
  EXPECT_THAT(err_.str(), HasSubstr("ended failed: accuracy was not reached"));
  AddJob("slow", cohort::v1::JOB_STATE_QUEUED, "no ranks");
  EXPECT_EQ(Run({"wait", "slow", "--timeout", "0"}), common::kExitTimeout);
  EXPECT_THAT(err_.str(), HasSubstr("it is queued, no ranks"));
  EXPECT_EQ(Run({"wait", "slow", "--for", "state=DONE"}), common::kExitUsage);
  EXPECT_EQ(Run({"wait", "slow", "--timeout", "soon"}), common::kExitUsage);
}

TEST_F(JobVerbsTest, DescribeShowsCheckpointsAndTheNewestEventsOfARunningJob) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  std::vector<cohort::v1::JobEvent> events(4);
  for (int i = 0; i < 4; ++i) {
    events[i].set_sequence(i + 1);
    events[i].set_notice("notice number " + std::to_string(i));
  }
  service_.SetEvents("namespaces/default/jobs/demo", events);
  service_.KeepStreamsOpen();
  cohort::v1::Checkpoint checkpoint;
  checkpoint.set_path("/run/checkpoints/3");
  service_.SetCheckpoints({checkpoint});
  EXPECT_EQ(Run({"describe", "demo", "--events", "2"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("/run/checkpoints/3"), HasSubstr("notice number 2"),
                                HasSubstr("notice number 3"), ::testing::Not(HasSubstr("notice number 1"))));
  EXPECT_EQ(Run({"describe", "demo", "--events", "2", "-o", "json"}), common::kExitOk) << err_.str();
  cohort::v1::JobDescription document;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_.str(), &document).ok()) << out_.str();
  EXPECT_EQ(document.job().state(), cohort::v1::JOB_STATE_RUNNING);
  ASSERT_EQ(document.checkpoints_size(), 1);
  EXPECT_EQ(document.checkpoints(0).path(), "/run/checkpoints/3");
  ASSERT_EQ(document.events_size(), 2);
  EXPECT_EQ(document.events(0).notice(), "notice number 2");
  EXPECT_EQ(Run({"describe", "demo", "--events", "2", "-o", "yaml"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("job:\n"), HasSubstr("checkpoints:\n"), HasSubstr("notice number 3")));
  EXPECT_EQ(Run({"describe", "demo", "-o", "wide"}), common::kExitUsage);
}

}  // namespace
}  // namespace cohort::cli
