// SPDX-License-Identifier: Apache-2.0
// A job that is stopped at any moment and goes on has the result of one that nobody disturbed.
#include <gmock/gmock.h>

#include <functional>
#include <optional>
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

constexpr int kMaxMoments = 200;

class JobStopTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"),
                                          "{\"question\": \"7\", \"answer\": \"8\"}\n"
                                          "{\"question\": \"8\", \"answer\": \"9\"}\n"));
  }

  // Evaluations, groups ahead of their step, and not every version sealed.
  static cohort::v1::JobSpec Spec() {
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    spec.mutable_rlvr()->mutable_rollout()->set_fixed_lag(1);
    spec.mutable_training()->set_num_steps(4);
    spec.mutable_checkpoint()->set_every_steps(2);
    AddEvaluation("greedy", 1, 0, &spec);
    spec.mutable_evaluation()->set_every_steps(3);
    return spec;
  }

  void Begin(const std::string& id) {
    id_ = id;
    place_.reset();
    in_flight_.reset();
    ASSERT_OK(Create(id, Spec()));
  }
  cohort::v1::JobState State() { return Get(id_).state(); }

  // The next thing that the only rank and the only worker do.
  void Act() {
    if (!place_.has_value()) {
      const auto place = Join();
      if (place.job().empty()) return;
      place_ = place;
      version_ = place.resume_version();
      ASSERT_OK(Publish(*place_, version_, DigestOf(version_)));
    } else if (const auto plan = GetPlan(*place_, version_); plan.ok() && plan->has_value()) {
      Obey(**plan);
    } else if (!plan.ok()) {
      place_.reset();  // the gang was dissolved, or the job is over
    } else if (in_flight_.has_value()) {
      ASSERT_OK(Submit(*in_flight_));
      in_flight_.reset();
    } else {
      in_flight_ = Claim("worker", 3);
      if (in_flight_->groups_size() == 0) in_flight_.reset();
    }
  }
  void ActUntil(const std::function<bool()>& is_reached) {
    for (int i = 0; i < kMaxMoments && !is_reached(); ++i) {
      Act();
      directory_->Reap();
    }
    ASSERT_TRUE(is_reached()) << Get(id_).waits_for();
  }
  void ActToTheEnd() {
    ActUntil([this] { return HasEnded(State()); });
    EXPECT_EQ(State(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(id_).state_reason();
    place_.reset();
    Join();  // the rank is free for the next job
    directory_->Reap();
  }
  void RestartAll() {
    Restart();
    place_.reset();
  }

  // Everything about a run that must not depend on when it was stopped.
  std::vector<std::string> Result() {
    std::vector<std::string> lines;
    for (int64_t version = 0; version < 4; ++version) {
      lines.push_back(store_.GetPlan(NameOf(id_), version)->ShortDebugString());
    }
    const auto groups = store_.ListGroups(NameOf(id_), {.limit = 1000});
    for (const GroupRecord& group : *groups) {
      lines.push_back(absl::StrCat(group.group_id, " problem ", group.problem_id, " step ", group.step, " version ",
                                   group.policy_version, " state ", static_cast<int>(group.state), " failed ",
                                   group.failed_attempts, " ", group.drop_reason,
                                   group.outcome.planned.ShortDebugString()));
    }
    const cohort::v1::Job job = Get(id_);
    for (const auto& evaluation : job.evaluations()) lines.push_back(evaluation.ShortDebugString());
    return lines;
  }
  std::vector<std::string> UndisturbedResult() {
    Begin("calm");
    ActToTheEnd();
    return Result();
  }

  // Runs one job for every moment at which it can be disturbed, until one ends before its moment.
  void ExpectSameResultWhenDisturbed(const std::function<void()>& disturb) {
    const std::vector<std::string> calm = UndisturbedResult();
    ASSERT_GT(calm.size(), 4u + 16u);
    int moment = 0;
    for (bool is_over = false; !is_over; ++moment) {
      ASSERT_LT(moment, kMaxMoments);
      SCOPED_TRACE(absl::StrCat("at moment ", moment));
      Begin(absl::StrCat("disturbed-", moment));
      for (int i = 0; i < moment && !HasEnded(State()); ++i) Act();
      is_over = HasEnded(State());
      if (!is_over) disturb();
      ActToTheEnd();
      ASSERT_EQ(Result(), calm);
    }
    EXPECT_GT(moment, 20);
  }

  std::string id_;
  std::optional<cohort::v1::JoinGangResponse> place_;
  std::optional<cohort::v1::ClaimGroupsResponse> in_flight_;
  int64_t version_ = 0;

 private:
  static char DigestOf(int64_t version) { return static_cast<char>('a' + version); }

  void Obey(const cohort::v1::StepPlan& plan) {
    const bool is_stop = plan.action() == cohort::v1::STEP_ACTION_STOP;
    if (!is_stop) {
      ++version_;
      ASSERT_OK(Commit(*place_, version_, DigestOf(version_)));
      ASSERT_OK(Publish(*place_, version_, DigestOf(version_)));
    }
    if (plan.seal_checkpoint()) {
      ASSERT_OK(Seal(*place_, version_, DigestOf(version_)));
    }
    if (is_stop) place_.reset();
  }
};

TEST_F(JobStopTest, PausedJobGoesOnWithTheSameResult) {
  ExpectSameResultWhenDisturbed([this] {
    ASSERT_OK(directory_->Pause(NameOf(id_)));
    ActUntil([this] { return State() == cohort::v1::JOB_STATE_PAUSED || HasEnded(State()); });
    for (int i = 0; i < 5; ++i) Act();  // nothing comes of it
    if (HasEnded(State())) return;
    EXPECT_EQ(Get(id_).num_workers(), 0);
    ASSERT_OK(directory_->Resume(NameOf(id_)));
  });
}

TEST_F(JobStopTest, PreemptedJobGoesOnByItselfWithTheSameResult) {
  ExpectSameResultWhenDisturbed([this] {
    if (State() != cohort::v1::JOB_STATE_RUNNING || Runtime(id_)->IsStopped()) return;
    ASSERT_OK(Runtime(id_)->Preempt("namespaces/default/jobs/urgent"));
    ActUntil([this] { return State() == cohort::v1::JOB_STATE_PREEMPTED || HasEnded(State()); });
  });
}

TEST_F(JobStopTest, JobThatIsResumedWhileItPausesGoesOnWithTheSameResult) {
  ExpectSameResultWhenDisturbed([this] {
    ASSERT_OK(directory_->Pause(NameOf(id_)));
    Act();
    if (HasEnded(State())) return;
    ASSERT_OK(directory_->Resume(NameOf(id_)));
  });
}

TEST_F(JobStopTest, RestartWhileTheJobPausesChangesNothingAboutTheResult) {
  ExpectSameResultWhenDisturbed([this] {
    ASSERT_OK(directory_->Pause(NameOf(id_)));
    RestartAll();
    EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
    // What a worker sampled under the former process comes too late.
    if (in_flight_.has_value()) {
      ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(*in_flight_));
      for (const auto& receipt : receipts) EXPECT_FALSE(receipt.accepted());
      EXPECT_EQ(NumLost("worker", *in_flight_), in_flight_->groups_size());
      in_flight_.reset();
    }
    RestartAll();
    ASSERT_OK(directory_->Resume(NameOf(id_)));
    RestartAll();
  });
}

TEST_F(JobStopTest, RanksThatAreLostWhileTheJobPausesChangeNothingAboutTheResult) {
  ExpectSameResultWhenDisturbed([this] {
    ASSERT_OK(directory_->Pause(NameOf(id_)));
    clock_.Advance(absl::Seconds(31));
    gangs_->Tick();
    place_.reset();
    EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
    in_flight_.reset();
    ASSERT_OK(directory_->Resume(NameOf(id_)));
  });
}

}  // namespace
}  // namespace cohort::coordinator
