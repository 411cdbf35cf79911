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

// Labels and reasons are other people's texts, and a terminal obeys control characters.
TEST(JobOutputTest, WhatATerminalWouldObeyIsEscaped) {
  cohort::v1::Job job = SampleJob();
  job.set_state_reason(
      "gone\r\033]0;title\a\n\xc2\x9b"
      "2J");
  (*job.mutable_spec()->mutable_labels())["team"] = "\033[2Jx";
  cohort::v1::JobEvent changed;
  *changed.mutable_state_changed() = job;
  cohort::v1::JobEvent notice;
  notice.set_notice("\033[1A\nx");
  for (const std::string& text :
       {FormatJob(job, OutputFormat::kWide, absl::FromUnixSeconds(1300)), FormatEvent(changed, OutputFormat::kTable),
        FormatEvent(notice, OutputFormat::kTable)}) {
    EXPECT_THAT(text, HasSubstr("\\x1b"));
    EXPECT_EQ(text.find_first_of("\033\r\a\x9b"), std::string::npos) << text;
  }
  EXPECT_EQ(FormatEvent(notice, OutputFormat::kTable).substr(9), "notice: \\x1b[1A\\x0ax\n");
  EXPECT_EQ(FormatTable({{"\033[32mgood\033[0m", "\033[8mhidden"}}), "\033[32mgood\033[0m  \\x1b[8mhidden\n");
}

TEST(JobOutputTest, StepEventListsMetricsInOrder) {
  cohort::v1::JobEvent event;
  event.mutable_step()->set_policy_version(3);
  event.mutable_step()->set_num_steps(60);
  (*event.mutable_step()->mutable_metrics())["reward_mean"] = 0.5;
  (*event.mutable_step()->mutable_metrics())["accuracy"] = 0.25;
  EXPECT_THAT(FormatEvent(event, OutputFormat::kTable), HasSubstr("step 3/60 accuracy=0.25 reward_mean=0.5\n"));
}

TEST(JobOutputTest, WideAndNamespaceColumns) {
  cohort::v1::Job job = SampleJob();
  job.mutable_spec()->mutable_scheduling()->set_priority(7);
  (*job.mutable_spec()->mutable_labels())["team"] = "x";
  job.set_queue_position(2);
  job.set_num_workers(3);
  job.set_waits_for("2 learner ranks");
  cohort::v1::ListJobsResponse page;
  *page.add_jobs() = job;
  EXPECT_EQ(
      FormatJobs(page, OutputFormat::kWide, absl::FromUnixSeconds(1300), /*shows_namespace=*/true),
      "NAMESPACE  ID    KIND  STATE    STEP   EVALUATION    AGE  REASON  PRIORITY  QUEUE  WORKERS  WAITS FOR        "
      "LABELS\n"
      "default    demo  rlvr  running  12/60  greedy=91.3%  5m   -       7         2      3        2 learner ranks  "
      "team=x\n");
}

TEST(JobOutputTest, JobsThatTrainNothingHaveNoStep) {
  cohort::v1::Job job = SampleJob();
  job.mutable_spec()->mutable_eval();
  EXPECT_THAT(FormatJob(job, OutputFormat::kTable, absl::FromUnixSeconds(1300)), HasSubstr("eval  running  -     "));
  job.mutable_spec()->mutable_rescore();
  EXPECT_THAT(FormatJob(job, OutputFormat::kTable, absl::FromUnixSeconds(1300)), HasSubstr("rescore  running  -     "));
}

TEST(JobOutputTest, EvaluationEventHasPassAtKInOrder) {
  cohort::v1::JobEvent event;
  auto* result = event.mutable_evaluation()->mutable_result();
  result->set_run("sampled");
  (*result->mutable_pass_at_k())[16] = 0.75;
  (*result->mutable_pass_at_k())[2] = 0.25;
  EXPECT_EQ(
      EventText(event),
      "evaluation sampled version=0 accuracy=0.0000 mean_reward=0.0000 completions=0 pass@2=0.2500 pass@16=0.7500");
}

TEST(JobOutputTest, RescoreEventHasOldAndNewReward) {
  cohort::v1::JobEvent event;
  event.mutable_rescore()->set_num_groups(4);
  event.mutable_rescore()->set_mean_old_reward(0.5);
  event.mutable_rescore()->set_mean_new_reward(0.25);
  EXPECT_THAT(EventText(event), HasSubstr("rescore groups=4 "));
  EXPECT_THAT(EventText(event), HasSubstr("mean_old_reward=0.5000 mean_new_reward=0.2500"));
}

TEST(JobOutputTest, ListWithoutEntriesHasTheListAndWhatElseIsInIt) {
  cohort::v1::ListRolloutsResponse page;
  page.set_num_released_groups(3);
  EXPECT_EQ(AsListDocument(page, OutputFormat::kJson), "{\n \"rollouts\": [],\n \"num_released_groups\": \"3\"\n}\n");
  EXPECT_EQ(AsListDocument(page, OutputFormat::kYaml), "rollouts: []\nnum_released_groups: 3\n");
  EXPECT_EQ(AsListDocument(page, OutputFormat::kTable), std::nullopt);
}

TEST(JobOutputTest, JsonEventsAreOneLineEach) {
  cohort::v1::JobEvent event;
  event.set_notice("a \"quoted\" word\nand a second line");
  const std::string text = FormatEvent(event, OutputFormat::kJson);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

}  // namespace
}  // namespace cohort::cli
