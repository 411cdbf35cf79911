// SPDX-License-Identifier: Apache-2.0
// What /metrics and TensorBoard show of a job while it goes on.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;

class JobMetricsTest : public BenchCoordinator {
 protected:
  void Begin() { place_ = StartSums(SmallRlvrSpec()); }
  void TrainFirstStep() {
    ASSERT_OK(Submit(Claim("worker", 4)));
    ASSERT_OK(GetPlan(place_, 0));
    cohort::v1::CommitStepRequest request;
    request.set_incarnation(place_.incarnation());
    request.set_version(1);
    request.set_digest(std::string(32, 'b'));
    (*request.mutable_metrics())["entropy_mean"] = 0.25;
    ASSERT_OK(Runtime("sums")->CommitStep(request));
  }
  // Gauges without labels but for the job, by name.
  std::map<std::string, double> Gauges() const {
    std::map<std::string, double> gauges;
    for (const auto& family : registry_.Collect()) {
      for (const auto& metric : family.metric) {
        const bool is_of_job = metric.label.size() == 1 && metric.label[0].value == NameOf("sums");
        if (is_of_job) gauges[family.name] = metric.gauge.value;
      }
    }
    return gauges;
  }
  double Waited(const std::string& kind) { return metrics_.JobWaitSeconds(NameOf("sums"), kind).Value(); }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(JobMetricsTest, NewestStepIsShownAlsoAfterARestart) {
  Begin();
  TrainFirstStep();
  auto gauges = Gauges();
  EXPECT_EQ(gauges.at("cohort_training_entropy_nats"), 0.25);
  EXPECT_EQ(gauges.at("cohort_training_groups"), 4);
  metrics_.ForgetJob(NameOf("sums"));
  Restart();
  gauges = Gauges();
  EXPECT_EQ(gauges.at("cohort_training_entropy_nats"), 0.25);
  EXPECT_EQ(gauges.at("cohort_coordinator_policy_version"), 1);
}

TEST_F(JobMetricsTest, EveryUnfinishedJobIsShownAlsoAfterARestartAndTwentyThatEndedAre) {
  const auto num_shown = [this] {
    for (const auto& family : registry_.Collect()) {
      if (family.name == "cohort_coordinator_policy_version") return family.metric.size();
    }
    return size_t{0};
  };
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) {
    ids.push_back(absl::StrCat("sums-", i));
    ASSERT_OK(Create(ids.back(), SmallRlvrSpec()));
  }
  for (const std::string& id : ids) {  // a new process begins without
    metrics_.ReleaseJob(NameOf(id));
    metrics_.ForgetJob(NameOf(id));
  }
  ASSERT_EQ(num_shown(), 0u);
  Restart();
  EXPECT_EQ(num_shown(), 25u);
  for (const std::string& id : ids) ASSERT_OK(directory_->Cancel(NameOf(id)));
  EXPECT_EQ(num_shown(), 25u);
  directory_->Reap();
  EXPECT_EQ(num_shown(), 20u);
}

TEST_F(JobMetricsTest, EventsFileIsWrittenWithTheStep) {
  Begin();
  TrainFirstStep();
  ASSERT_OK_AND_ASSIGN(const std::string events,
                       common::ReadFile(folder_.Join("runs/default/sums/tensorboard/events.out.tfevents.cohort")));
  EXPECT_THAT(events, HasSubstr("policy/entropy_mean"));
  Restart();
  EXPECT_THAT(common::ReadFile(folder_.Join("runs/default/sums/tensorboard/events.out.tfevents.cohort")),
              common::IsOkAndHolds(events));
}

TEST_F(JobMetricsTest, StateIsTheOneThatIsOne) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  const auto is_in = [this](const char* state) {
    double value = -1;
    for (const auto& family : registry_.Collect()) {
      if (family.name != "cohort_coordinator_job_state") continue;
      for (const auto& metric : family.metric) {
        for (const auto& label : metric.label) {
          if (label.name == "state" && label.value == state) value = metric.gauge.value;
        }
      }
    }
    return value;
  };
  EXPECT_EQ(is_in("queued"), 1);
  EXPECT_EQ(is_in("running"), 0);
  place_ = Join();
  EXPECT_EQ(is_in("queued"), 0);
  EXPECT_EQ(is_in("running"), 1);
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
  EXPECT_EQ(is_in("running"), 0);
  EXPECT_EQ(is_in("cancelling") + is_in("cancelled"), 1);
}

TEST_F(JobMetricsTest, TimeIsCountedByWhatTheJobWaitsFor) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  Pass(3, place_);
  EXPECT_EQ(Waited("turn") + Waited("ranks_to_join"), 3);
  place_ = Join();
  Pass(2, place_);
  EXPECT_EQ(Waited("publication"), 2);
  ASSERT_OK(Publish(place_, 0, 'a'));
  Pass(4, place_);
  EXPECT_EQ(Waited("claims"), 4);
}

TEST_F(JobMetricsTest, SealedCheckpointIsDated) {
  Begin();
  TrainFirstStep();
  Pass(10, place_);
  EXPECT_EQ(Gauges().count("cohort_coordinator_checkpoint_timestamp_seconds"), 0u);
  EXPECT_EQ(Gauges().at("cohort_coordinator_sealed_version"), 0);
  ASSERT_OK(Seal(place_, 1, 'b'));
  EXPECT_EQ(Gauges().at("cohort_coordinator_checkpoint_timestamp_seconds"),
            absl::ToDoubleSeconds(clock_.Now() - absl::UnixEpoch()));
  EXPECT_EQ(Gauges().at("cohort_coordinator_sealed_version"), 1);
}

TEST_F(JobMetricsTest, DeletedJobHasNoSeries) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  Pass(10, place_);
  EXPECT_GT(Gauges().size(), 0u);
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
  cohort::v1::DeleteJobRequest request;
  request.set_name(NameOf("sums"));
  ASSERT_OK(directory_->Delete(request));
  EXPECT_EQ(Gauges().size(), 0u);
}

}  // namespace
}  // namespace cohort::coordinator
