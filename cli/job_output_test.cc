// SPDX-License-Identifier: Apache-2.0
#include "cli/job_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"

namespace cohort::cli {
namespace {

using ::testing::HasSubstr;

cohort::v1::Job SampleJob() {
  cohort::v1::Job job;
  job.set_name("namespaces/default/jobs/demo");
  job.set_state(cohort::v1::JOB_STATE_RUNNING);
  job.set_policy_version(12);
  job.mutable_spec()->mutable_rlvr();
  job.mutable_spec()->mutable_training()->set_num_steps(60);
  job.mutable_create_time()->set_seconds(1000);
  auto* evaluation = job.add_evaluations();
  evaluation->set_run("greedy");
  evaluation->set_accuracy(0.913);
  return job;
}

TEST(JobOutputTest, TableShowsStateProgressAccuracyAndAge) {
  EXPECT_EQ(FormatJob(SampleJob(), OutputFormat::kTable, absl::FromUnixSeconds(1300)),
            "ID    KIND  STATE    STEP   EVALUATION    AGE  REASON\n"
            "demo  rlvr  running  12/60  greedy=91.3%  5m   -\n");
}

TEST(JobOutputTest, NameIsTheResourceName) {
  EXPECT_EQ(FormatJob(SampleJob(), OutputFormat::kName, absl::Now()), "namespaces/default/jobs/demo\n");
}

TEST(JobOutputTest, JsonUsesProtoFieldNames) {
  EXPECT_THAT(FormatJob(SampleJob(), OutputFormat::kJson, absl::Now()), HasSubstr("\"policy_version\": \"12\""));
}

TEST(JobOutputTest, EmptyListIsAHeadingAlone) {
  EXPECT_EQ(FormatJobs({}, OutputFormat::kTable, absl::Now()), "ID  KIND  STATE  STEP  EVALUATION  AGE  REASON\n");
}

TEST(JobOutputTest, StepEventListsMetricsInOrder) {
  cohort::v1::JobEvent event;
  event.mutable_step()->set_policy_version(3);
  event.mutable_step()->set_num_steps(60);
  (*event.mutable_step()->mutable_metrics())["reward_mean"] = 0.5;
  (*event.mutable_step()->mutable_metrics())["accuracy"] = 0.25;
  EXPECT_THAT(FormatEvent(event, OutputFormat::kTable), HasSubstr("step 3/60 accuracy=0.25 reward_mean=0.5\n"));
}

TEST(JobOutputTest, JsonEventsAreOneLineEach) {
  cohort::v1::JobEvent event;
  event.set_notice("a \"quoted\" word\nand a second line");
  const std::string text = FormatEvent(event, OutputFormat::kJson);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

}  // namespace
}  // namespace cohort::cli
