// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/judgement_pool.h"

#include <signal.h>

#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "reward/sandbox/hostile_verifier.h"

namespace cohort::reward {
namespace {

using cohort::v1::Score;

constexpr std::chrono::milliseconds kShortDeadline(500);  // long enough for a busy machine to judge in
constexpr std::chrono::milliseconds kLongDeadline(20000);

// The state letter of /proc/<pid>/stat; 0 for a process that is gone.
char StateOf(pid_t pid) {
  std::string line;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::getline(stat, line);
  const size_t name_end = line.rfind(')');
  return name_end == std::string::npos ? '\0' : line[name_end + 2];
}

class JudgementPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    zygote_ = Zygote::Start().value();
    cohort::v1::RewardSpec spec;
    spec.add_verifiers()->mutable_math_answer();
    spec.mutable_verifiers(0)->mutable_deadline()->set_seconds(20);
    pool_ = JudgementPool::Create(zygote_.get(), &HostileChildMain, spec, num_children_).value();
  }

  std::vector<Score> Run(const std::vector<std::string>& completions, std::chrono::milliseconds deadline) {
    std::vector<Judgement> judgements(completions.size());
    for (size_t i = 0; i < completions.size(); ++i) {
      judgements[i].completion = completions[i];
      judgements[i].deadline = deadline;
    }
    EXPECT_TRUE(pool_->Run(cohort::v1::Problem(), &judgements).ok());
    std::vector<Score> scores;
    for (Judgement& judgement : judgements) {
      EXPECT_LE(judgement.num_attempts, 2);
      scores.push_back(std::move(judgement.score));
    }
    return scores;
  }
  Score RunOne(const std::string& completion, std::chrono::milliseconds deadline = kLongDeadline) {
    return Run({completion}, deadline)[0];
  }

  int num_children_ = 2;
  std::unique_ptr<Zygote> zygote_;
  std::unique_ptr<JudgementPool> pool_;
};

TEST_F(JudgementPoolTest, ScoresComeBackInOrder) {
  std::vector<std::string> completions;
  for (int i = 0; i < 100; ++i) completions.push_back(i % 10 == 0 ? "wrong" : "grade 0." + std::to_string(i));
  const std::vector<Score> scores = Run(completions, kLongDeadline);
  for (int i = 0; i < 100; ++i) {
    const bool is_wrong = scores[i].outcome() == cohort::v1::SCORE_OUTCOME_WRONG;
    EXPECT_EQ(is_wrong, i % 10 == 0) << i;
    EXPECT_EQ(scores[i].value(), is_wrong ? 0 : std::stod("0." + std::to_string(i)));
  }
}

TEST_F(JudgementPoolTest, SpinningJudgementIsKilledAtItsDeadlineAndTheOthersAreJudged) {
  std::vector<std::string> completions(9, "grade 0.5");
  completions[1] = "spin";
  completions[7] = "spin";
  const std::vector<Score> scores = Run(completions, kShortDeadline);
  for (int i = 0; i < 9; ++i) {
    if (completions[i] == "spin") {
      EXPECT_EQ(scores[i].outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
      EXPECT_EQ(scores[i].reason(), "no verdict within the deadline of 500 ms");
    } else {
      EXPECT_EQ(scores[i].value(), 0.5) << i;
    }
  }
  EXPECT_EQ(RunOne("grade 1").value(), 1);
}

TEST_F(JudgementPoolTest, EndlessAllocationIsNoVerdict) {
  const Score score = RunOne("allocate");
  EXPECT_EQ(score.outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
#if !defined(__SANITIZE_ADDRESS__)  // which has its own way to die of a failed allocation
  EXPECT_EQ(score.reason(), "the verifier ran out of its memory limit");
#endif
}

TEST_F(JudgementPoolTest, FaultsAreNoVerdictWithTheirReason) {
  EXPECT_EQ(RunOne("crash").reason(), "the verifier was killed by signal 6");
  EXPECT_EQ(RunOne("exit 3").reason(), "the verifier exited with status 3");
  EXPECT_EQ(RunOne("throw").reason(), "the verifier threw \"thrown\"");
  EXPECT_EQ(RunOne("forge").reason(), "the verifier sent something that is no score");
  EXPECT_EQ(RunOne("no_verdict").reason(), "told so");
  EXPECT_EQ(RunOne("forge").outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
}

TEST_F(JudgementPoolTest, EveryKindOfFaultIsTriedOnceMoreInAnotherChild) {
  for (const std::string fault : {"spin", "crash", "throw", "no_verdict", "allocate", "forge"}) {
    const std::string path = ::testing::TempDir() + "/once_" + fault;
    const Score score = RunOne("once " + path + " " + fault, fault == "spin" ? kShortDeadline : kLongDeadline);
    EXPECT_EQ(score.value(), 1) << fault << ": " << score.reason();
    std::string first_pid;
    std::ifstream(path) >> first_pid;
    EXPECT_NE(score.reason(), first_pid) << fault;
  }
}

TEST_F(JudgementPoolTest, ScoreThatIsNoneOfTheThreeIsNoVerdict) {
  EXPECT_EQ(RunOne("grade_nan").reason(), "the verifier graded nan, which is not from 0 to 1");
  EXPECT_EQ(RunOne("grade 1.5").reason(), "the verifier graded 1.5, which is not from 0 to 1");
  EXPECT_EQ(RunOne("grade -1").outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_EQ(RunOne("no_outcome").reason(), "the verifier gave no outcome");
}

TEST_F(JudgementPoolTest, ChildrenThatDiedBetweenGroupsCostNothing) {
  std::set<std::string> killed;
  for (int i = 0; i < 10; ++i) {  // until the whole pool, the reserve too, has been killed once
    for (const Score& score : Run({"pid", "pid"}, kLongDeadline)) {
      ASSERT_EQ(score.value(), 1) << score.reason();
      if (!killed.insert(score.reason()).second) continue;
      const pid_t pid = std::stoi(score.reason());
      ASSERT_EQ(kill(pid, SIGKILL), 0);
      // Its socket closes before it becomes a zombie.
      while (StateOf(pid) != 'Z' && StateOf(pid) != '\0') std::this_thread::yield();
    }
  }
  EXPECT_GE(killed.size(), 3u);
}

TEST_F(JudgementPoolTest, VerdictsAreNotTriedAgain) {
  const std::string path = ::testing::TempDir() + "/once_wrong";
  EXPECT_EQ(RunOne("once " + path + " wrong").outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
}

TEST_F(JudgementPoolTest, HealthyChildrenAreReused) {
  std::set<std::string> pids;
  for (int i = 0; i < 20; ++i) {
    for (const Score& score : Run({"pid", "pid"}, kLongDeadline)) pids.insert(score.reason());
  }
  EXPECT_LE(pids.size(), 3u);  // two at work and one in reserve
}

TEST_F(JudgementPoolTest, LargeHostileTextsPassThrough) {
  std::vector<std::string> completions(6, std::string(1 << 20, '\xff') + std::string(100, '\0'));
  completions.push_back("grade 1");
  const std::vector<Score> scores = Run(completions, kLongDeadline);
  EXPECT_EQ(scores[0].outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_EQ(scores[6].value(), 1);
}

TEST_F(JudgementPoolTest, ManyThreadsShareTheChildren) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 25; ++i) {
        const bool has_fault = i % 10 == t;
        const std::vector<Score> scores =
            Run({"grade 0.25", has_fault ? "crash" : "grade 0.75", "wrong"}, kLongDeadline);
        EXPECT_EQ(scores[0].value(), 0.25);
        EXPECT_EQ(scores[1].value(), has_fault ? 0 : 0.75);
        EXPECT_EQ(scores[2].outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(JudgementPoolTest, ALostZygoteIsAnErrorAndNotAHang) {
  std::vector<Judgement> judgements(1);
  judgements[0].completion = "pid";
  judgements[0].deadline = kLongDeadline;
  ASSERT_TRUE(pool_->Run(cohort::v1::Problem(), &judgements).ok());
  const pid_t child = std::stoi(judgements[0].score.reason());
  std::string line, field;
  std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
  std::getline(stat, line);
  const pid_t zygote = std::stoi(line.substr(line.rfind(')') + 4));  // after the state letter: the parent
  ASSERT_EQ(kill(zygote, SIGKILL), 0);
  for (int i = 0; i < 5; ++i) {
    judgements[0] = Judgement{.completion = "spin", .deadline = kLongDeadline};
    EXPECT_TRUE(absl::IsUnavailable(pool_->Run(cohort::v1::Problem(), &judgements)));
  }
}

}  // namespace
}  // namespace cohort::reward
