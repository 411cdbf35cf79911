// SPDX-License-Identifier: Apache-2.0
#include "cli/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/time/clock.h"
#include "cli/progress.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

cohort::v1::JobEvent Step(int64_t sequence, int64_t version, int64_t seconds) {
  cohort::v1::JobEvent event;
  event.set_sequence(sequence);
  event.mutable_time()->set_seconds(seconds);
  event.mutable_step()->set_policy_version(version);
  auto& metrics = *event.mutable_step()->mutable_metrics();
  metrics["reward_mean"] = 0.1 * version;
  metrics["accuracy"] = 0.1 * version;
  metrics["generation_tokens_per_second"] = 12345;
  metrics["learner_tokens_per_second"] = 2000;
  metrics["mismatch_max_abs"] = version == 2 ? 0.5 : 0;
  return event;
}

cohort::v1::JobEvent Evaluation(int64_t sequence, int64_t version, double accuracy) {
  cohort::v1::JobEvent event;
  event.set_sequence(sequence);
  auto* result = event.mutable_evaluation()->mutable_result();
  result->set_run("greedy");
  result->set_policy_version(version);
  result->set_accuracy(accuracy);
  result->set_mean_reward(accuracy);
  auto* sample = event.mutable_evaluation()->add_samples();
  sample->set_prompt("1+1=");
  sample->set_completion(version == 0 ? ">3" : ">2");
  sample->set_answer("2");
  sample->set_verdict(version == 0 ? "wrong: 3" : "graded 1");
  return event;
}

cohort::v1::Job SampleJob() {
  cohort::v1::Job job;
  job.set_name("namespaces/default/jobs/grpo");
  job.set_state(cohort::v1::JOB_STATE_RUNNING);
  job.mutable_create_time()->set_seconds(98);
  job.set_checkpoint_path("/run/checkpoints/grpo/3");
  job.mutable_spec()->mutable_rlvr();
  job.mutable_spec()->mutable_training()->set_num_steps(5);
  auto* run = job.mutable_spec()->mutable_evaluation()->add_runs();
  run->set_name("greedy");
  run->set_min_final_accuracy(0.9);
  return job;
}

JobHistory SampleHistory() {
  RunRecord record(SampleJob());
  record.Apply(Evaluation(1, 0, 0.15));
  record.Apply(Step(2, 1, 100));
  record.Apply(Step(3, 2, 102));
  record.Apply(Step(4, 3, 104));
  record.Apply(Evaluation(5, 3, 0.97));
  return record.Snapshot();
}

RunReport SampleReport(const std::string& dir) {
  return {.run_dir = dir,
          .metrics_path = dir + "/metrics.jsonl",
          .jobs = {SampleHistory()},
          .total_time = absl::Seconds(75)};
}

TEST(RunRecordTest, EventSeenBeforeIsIgnored) {
  RunRecord record(SampleJob());
  EXPECT_THAT(record.Apply(Step(2, 1, 100)), HasSubstr("\"policy_version\":1"));
  EXPECT_EQ(record.Apply(Step(2, 1, 100)), "");
  EXPECT_EQ(record.Snapshot().steps.size(), 1u);
}

TEST(RunRecordTest, FiguresAreTakenOverSteps) {
  const JobHistory history = SampleHistory();
  EXPECT_DOUBLE_EQ(history.SecondsToFirstStep(), 2);
  EXPECT_DOUBLE_EQ(history.Largest("mismatch_max_abs"), 0.5);
  EXPECT_DOUBLE_EQ(history.Mean("reward_mean"), 0.2);
}

TEST(ProgressTest, LineNamesStepRewardAccuracySpeedsAndEta) {
  EXPECT_EQ(
      ProgressText(SampleHistory(), absl::FromUnixSeconds(105)),
      "grpo [############........] 3/5  reward 0.30  accuracy 30.0%  workers 12.3k tok/s  learner 2.0k tok/s  ETA "
      "0:03");
}

TEST(ProgressTest, BeforeTheFirstStepItSaysWhatIsWaitedFor) {
  EXPECT_THAT(ProgressText(RunRecord(SampleJob()).Snapshot(), absl::Now()),
              HasSubstr("evaluating before the first step"));
}

TEST(ProgressTest, JobThatStandsStillSaysWhy) {
  JobHistory history = SampleHistory();
  history.job.set_state(cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(ProgressText(history, absl::Now()), "grpo [############........] 3/5  paused");
  history.job.set_state(cohort::v1::JOB_STATE_PAUSING);
  EXPECT_THAT(ProgressText(history, absl::Now()), HasSubstr("3/5  pausing"));
  history.job.set_state(cohort::v1::JOB_STATE_PREEMPTED);
  EXPECT_THAT(ProgressText(history, absl::Now()), HasSubstr("made room for another job"));
}

TEST(ProgressTest, JobThatTrainsNothingHasNoBar) {
  JobHistory history = SampleHistory();
  history.job.mutable_spec()->mutable_eval();
  history.evaluations.clear();
  EXPECT_EQ(ProgressText(history, absl::Now()), "grpo  evaluating, 0 of 1 runs done");
  history.job.mutable_spec()->mutable_rescore();
  EXPECT_EQ(ProgressText(history, absl::Now()), "grpo  rescoring");
  history.job.set_state(cohort::v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(ProgressText(history, absl::Now()), "grpo  done");
}

TEST(ProgressTest, PlainLinesComeAtTheirIntervalWithoutControlCharacters) {
  std::ostringstream out;
  std::ostringstream err;
  ProgressLine line({.out = &out, .err = &err}, absl::Seconds(5));
  line.Show("a", absl::FromUnixSeconds(0));
  line.Show("b", absl::FromUnixSeconds(1));
  line.Show("c", absl::FromUnixSeconds(6));
  line.Show("c", absl::FromUnixSeconds(20));
  line.Show("d", absl::FromUnixSeconds(21), /*is_final=*/true);
  EXPECT_EQ(err.str(), "a\nc\nd\n");
}

TEST(ProgressTest, TerminalLineIsDrawnOverAndCutToTheWidth) {
  std::ostringstream out;
  std::ostringstream err;
  ProgressLine line({.out = &out, .err = &err, .err_is_terminal = true, .err_columns = 25}, absl::Seconds(5));
  line.Show(std::string(40, 'x'), absl::FromUnixSeconds(0));
  EXPECT_EQ(err.str(), "\r\033[K" + std::string(24, 'x'));
}

TEST(RunReportTest, TextHasTableSamplesFiguresAndPaths) {
  std::ostringstream stream;
  const std::string text = ReportText(SampleReport("/run"), {.out = &stream, .err = &stream});
  EXPECT_THAT(text, AllOf(HasSubstr("grpo  greedy      15.0 %  97.0 %  90.0 %"),
                          HasSubstr("1+1=>2   [graded 1; ground truth 2]"), Not(HasSubstr(">3")), HasSubstr("0.5"),
                          HasSubstr("/run/metrics.jsonl"), HasSubstr("/run/curves/grpo.svg"),
                          HasSubstr("/run/checkpoints/grpo/3"), HasSubstr("1:15")));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST(RunReportTest, MeanRewardsThatAreNotTheAccuracyHaveTheirRows) {
  cohort::v1::Job job = SampleJob();
  job.mutable_spec()->mutable_evaluation()->mutable_runs(0)->set_min_final_reward(0.5);
  RunRecord record(job);
  record.Apply(Step(2, 1, 100));
  for (const int64_t version : {0, 3}) {
    cohort::v1::JobEvent event = Evaluation(version + 3, version, 0);
    auto* result = event.mutable_evaluation()->mutable_result();
    result->set_mean_reward(version == 0 ? 0.25 : 0.625);
    (*result->mutable_mean_values())["ndcg"] = version == 0 ? 0.25 : 0.625;
    (*result->mutable_mean_values())["recall"] = version == 0 ? 0.125 : 0.5;
    record.Apply(event);
  }
  RunReport report = SampleReport("/run");
  report.jobs = {record.Snapshot()};
  std::ostringstream stream;
  const std::string text = ReportText(report, {.out = &stream, .err = &stream});
  EXPECT_THAT(text, AllOf(HasSubstr("greedy, mean reward  0.2500  0.6250  0.5000"),
                          HasSubstr("greedy, mean ndcg    0.2500  0.6250  -"),
                          HasSubstr("greedy, mean recall  0.1250  0.5000  -")));
  EXPECT_THAT(SummaryJson(report), HasSubstr("\"mean_reward_after\": 0.625"));
  const Chart curves = CurvesOf(report.jobs[0]);
  ASSERT_EQ(curves.series.size(), 4u);
  EXPECT_EQ(curves.series[3].name, "held-out, greedy, mean reward");
  EXPECT_THAT(curves.series[3].points, ElementsAre(Pair(0, 0.25), Pair(3, 0.625)));
}

TEST(RunReportTest, EvalJobHasPassAtKAndNoBefore) {
  cohort::v1::Job job = SampleJob();
  job.mutable_spec()->mutable_eval();
  RunRecord record(job);
  cohort::v1::JobEvent event = Evaluation(1, 0, 0.5);
  (*event.mutable_evaluation()->mutable_result()->mutable_pass_at_k())[4] = 0.75;
  EXPECT_THAT(record.Apply(event), HasSubstr("\"pass_at_k\":{\"4\":0.75}"));
  RunReport report = SampleReport("/run");
  report.jobs = {record.Snapshot()};
  std::ostringstream stream;
  EXPECT_THAT(ReportText(report, {.out = &stream, .err = &stream}),
              AllOf(HasSubstr("greedy          -       50.0 %"), HasSubstr("greedy, pass@4  -       75.0 %"),
                    HasSubstr("Completions (")));
  const auto summary = nlohmann::json::parse(SummaryJson(report));
  EXPECT_EQ(summary["jobs"][0]["kind"], "eval");
  const auto& evaluation = summary["jobs"][0]["evaluations"][0];
  EXPECT_EQ(evaluation["pass_at_k_after"]["4"], 0.75);
  EXPECT_FALSE(evaluation.contains("before"));
}

TEST(RunReportTest, RescoreJobShowsOldAndNewReward) {
  cohort::v1::Job job = SampleJob();
  job.mutable_spec()->mutable_rescore()->set_job("grpo");
  job.mutable_rescore()->set_num_groups(8);
  job.mutable_rescore()->set_mean_old_reward(0.5);
  job.mutable_rescore()->set_mean_new_reward(0.25);
  RunRecord record(job);
  cohort::v1::JobEvent event;
  event.set_sequence(1);
  *event.mutable_rescore() = job.rescore();
  EXPECT_THAT(record.Apply(event), HasSubstr("\"mean_new_reward\":0.25"));
  RunReport report = SampleReport("/run");
  report.jobs = {record.Snapshot()};
  std::ostringstream stream;
  EXPECT_THAT(ReportText(report, {.out = &stream, .err = &stream}), HasSubstr("0.5000      0.2500"));
  EXPECT_EQ(nlohmann::json::parse(SummaryJson(report))["jobs"][0]["rescore"]["num_groups"], 8);
}

TEST(RunReportTest, FilesAreWritten) {
  const common::TempDir dir;
  const absl::Status status = WriteReportFiles(SampleReport(dir.path()));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/curves/grpo.svg"));
  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/summary.json"));
}

TEST(RunReportTest, SummaryCarriesAccuraciesAndMismatch) {
  const auto summary = nlohmann::json::parse(SummaryJson(SampleReport("/run")));
  const auto& job = summary["jobs"][0];
  EXPECT_EQ(job["largest_mismatch_max_abs"], 0.5);
  EXPECT_EQ(job["evaluations"][0]["before"], 0.15);
  EXPECT_EQ(job["evaluations"][0]["after"], 0.97);
}

TEST(RunReportTest, CurvesHoldRewardAccuracyAndEvaluations) {
  const Chart chart = CurvesOf(SampleHistory());
  ASSERT_EQ(chart.series.size(), 3u);
  EXPECT_EQ(chart.series[0].points.size(), 3u);
  EXPECT_TRUE(chart.series[2].is_scatter);
}

}  // namespace
}  // namespace cohort::cli
