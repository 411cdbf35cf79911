// SPDX-License-Identifier: Apache-2.0
// A rank of three that is killed in the middle of the reduction of a bucket. The ranks are processes, which this binary
// starts of itself; that one is in the middle is what the counter of their loopback interface says.
//
// rank 2 stops before the reduction, so that the other two stay in it: of its bytes, the first ones are on the wire and
// no more. Then rank 1 is killed and rank 2 goes on.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/testing/own_network.h"
#include "common/testing/status_matchers.h"
#include "learner/flat_layout.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "learner/testing/train_step_fixture.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {
namespace {

using cohort::v1::OPTIMIZER_SHARDING_NONE;
using cohort::v1::OPTIMIZER_SHARDING_ZERO1;
using cohort::v1::OptimizerSharding;
using ::testing::AnyOf;

constexpr int kNumRanks = 3;
constexpr int kKilled = 1;
constexpr int kStopped = 2;
constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr absl::Duration kSlack = absl::Seconds(10);
constexpr absl::Duration kPatience = absl::Minutes(2);
// More than everything but the buckets, and less than the two segments of a bucket (0.9 MB each) that Gloo has in
// flight.
constexpr int64_t kFirstBytes = int64_t{1} << 19;
constexpr int64_t kBucketBytes = kBucketNumbers * static_cast<int64_t>(sizeof(float));

// What a process is told that the test starts as a rank.
struct RankArguments {
  int rank = 0;
  std::string store_address;
  std::string model_path;
  OptimizerSharding sharding = OPTIMIZER_SHARDING_NONE;
};

std::optional<RankArguments> rank_arguments;  // of this process, when it is one

// Looks until `condition` holds.
bool WaitUntil(const std::function<bool()>& condition, absl::Time deadline) {
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

// A rank in a process of its own, which runs DISABLED_Rank below. Killed at the end of the scope.
class RankProcess final {
 public:
  explicit RankProcess(const RankArguments& rank) {
    std::vector<std::string> words = {"/proc/self/exe",
                                      "--gtest_also_run_disabled_tests",
                                      "--gtest_filter=KilledRankTest.DISABLED_Rank",
                                      absl::StrCat(rank.rank),
                                      rank.store_address,
                                      rank.model_path,
                                      absl::StrCat(static_cast<int>(rank.sharding))};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(argv[0], argv.data());
    _exit(127);
  }
  RankProcess(const RankProcess&) = delete;
  RankProcess& operator=(const RankProcess&) = delete;
  ~RankProcess() {
    if (has_ended_) return;
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void Signal(int signal) { kill(pid_, signal); }

  // Until it has stopped itself; false when it ends or does not.
  bool AwaitStop() {
    int status = 0;
    const auto has_news = [&] { return waitpid(pid_, &status, WNOHANG | WUNTRACED) == pid_; };
    if (!WaitUntil(has_news, absl::Now() + kPatience)) return false;
    has_ended_ = !WIFSTOPPED(status);
    return !has_ended_;
  }

  // Its exit code; -1 when a signal ended it, nothing when it still runs at `deadline`.
  std::optional<int> AwaitEnd(absl::Time deadline) {
    int status = 0;
    has_ended_ = WaitUntil([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, deadline);
    if (!has_ended_) return std::nullopt;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  bool has_ended_ = false;
};

// A rank's group that stops its process, once, before it takes part in the reduction of a bucket.
class StoppingGroup final : public model::ProcessGroup {
 public:
  explicit StoppingGroup(model::ProcessGroup* group) : group_(group) {}

  void StopBeforeNextBucket() { is_to_stop_ = true; }

  int rank() const override { return group_->rank(); }
  int world_size() const override { return group_->world_size(); }
  absl::Status AllReduceSum(at::Tensor tensor) override {
    MaybeStop(tensor);
    return group_->AllReduceSum(tensor);
  }
  absl::Status ReduceScatterSum(at::Tensor tensor) override {
    MaybeStop(tensor);
    return group_->ReduceScatterSum(tensor);
  }
  absl::Status AllReduceMax(at::Tensor tensor) override { return group_->AllReduceMax(tensor); }
  absl::Status AllGather(at::Tensor tensor) override { return group_->AllGather(tensor); }
  absl::Status Broadcast(at::Tensor tensor, int root) override { return group_->Broadcast(tensor, root); }
  absl::Status Barrier() override { return group_->Barrier(); }

 private:
  void MaybeStop(const at::Tensor& tensor) {
    if (is_to_stop_ && tensor.numel() >= kBucketNumbers) {
      is_to_stop_ = false;
      raise(SIGSTOP);
    }
  }

  model::ProcessGroup* const group_;
  bool is_to_stop_ = false;
};

class KilledRankTest : public TrainStepFixture {
 protected:
  void SetUp() override {
    // Two buckets, of 19 MB and 4 MB.
    model_path_ = rank_arguments.has_value() ? rank_arguments->model_path
                                             : MakeTinyModel(dir_.path(), /*tie_word_embeddings=*/true,
                                                             /*intermediate_size=*/60'000);
  }

  void ExpectThatSurvivorsNotice(OptimizerSharding sharding) {
    ASSERT_OK_AND_ASSIGN(const auto server, model::RendezvousServer::Create("127.0.0.1"));
    std::vector<std::unique_ptr<RankProcess>> ranks;
    for (int rank = 0; rank < kNumRanks; ++rank) {
      ranks.push_back(std::make_unique<RankProcess>(RankArguments{
          .rank = rank, .store_address = server->Address(), .model_path = model_path_, .sharding = sharding}));
    }
    for (const auto& rank : ranks) ASSERT_TRUE(rank->AwaitStop());
    const int64_t before = common::LoopbackBytes();
    for (const auto& rank : ranks) rank->Signal(SIGCONT);
    ASSERT_TRUE(ranks[kStopped]->AwaitStop());
    const auto is_under_way = [&] { return common::LoopbackBytes() - before > kFirstBytes; };
    ASSERT_TRUE(WaitUntil(is_under_way, absl::Now() + kTimeout / 2));

    ranks[kKilled]->Signal(SIGKILL);
    const absl::Time deadline = absl::Now() + kTimeout + kSlack;
    ranks[kStopped]->Signal(SIGCONT);
    for (int rank = 0; rank < kNumRanks; ++rank) {
      // 0: all that DISABLED_Rank expects is so.
      EXPECT_EQ(ranks[rank]->AwaitEnd(deadline), std::optional<int>(rank == kKilled ? -1 : 0)) << "rank " << rank;
    }
    // A whole reduction would have been four times as much.
    EXPECT_LT(common::LoopbackBytes() - before, kBucketBytes);
  }
};

TEST_F(KilledRankTest, OthersLeaveTheReductionWithAnErrorAndChangeNothing) {
  for (const OptimizerSharding sharding : {OPTIMIZER_SHARDING_NONE, OPTIMIZER_SHARDING_ZERO1}) {
    SCOPED_TRACE(testing::Message() << "sharding " << sharding);
    ExpectThatSurvivorsNotice(sharding);
  }
}

// Not run by itself: what a RankProcess does.
TEST_F(KilledRankTest, DISABLED_Rank) {
  ASSERT_TRUE(rank_arguments.has_value());
  at::set_num_threads(1);
  model::ProcessGroupOptions options;
  options.store_address = rank_arguments->store_address;
  options.key_prefix = absl::StrCat("job/", static_cast<int>(rank_arguments->sharding));
  options.host = "127.0.0.1";
  options.rank = rank_arguments->rank;
  options.world_size = kNumRanks;
  options.timeout = kTimeout;
  ASSERT_OK_AND_ASSIGN(const auto gloo, model::CreateGlooProcessGroup(options));
  StoppingGroup group(gloo.get());
  const std::unique_ptr<Rank> rank = MakeRank({.world_size = kNumRanks,
                                               .has_rollouts = false,
                                               .num_updates = 1,
                                               .learning_rate = 1e-4,
                                               .sharding = rank_arguments->sharding},
                                              &group);
  const TrainState& state = rank->state;
  ASSERT_GE(state.parameters->layout().buckets[0].range.size, kBucketNumbers);
  ASSERT_OK(RunStep(rank.get(), MakeDemonstrationStep(0, 6)));
  const at::Tensor weights_P = state.parameters->weights_L().clone();
  const at::Tensor exp_avg_S = state.optimizer->exp_avg_S().clone();
  const at::Tensor exp_avg_sq_S = state.optimizer->exp_avg_sq_S().clone();
  raise(SIGSTOP);  // the test counts what is on the wire so far

  if (rank_arguments->rank == kStopped) group.StopBeforeNextBucket();
  const absl::Status status = RunStep(rank.get(), MakeDemonstrationStep(1, 6)).status();
  EXPECT_THAT(status.code(), AnyOf(absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded)) << status;
  EXPECT_TRUE(at::equal(state.parameters->weights_L(), weights_P));
  EXPECT_TRUE(at::equal(state.optimizer->exp_avg_S(), exp_avg_S));
  EXPECT_TRUE(at::equal(state.optimizer->exp_avg_sq_S(), exp_avg_sq_S));
  EXPECT_EQ(state.num_updates, 1);
  EXPECT_EQ(state.policy_version, 1);
}

}  // namespace

// What is left of the command line, after the test framework has taken its flags.
void TakeRankArguments(int argc, char** argv) {
  if (argc != 5) return;
  rank_arguments = RankArguments{.rank = atoi(argv[1]),
                                 .store_address = argv[2],
                                 .model_path = argv[3],
                                 .sharding = static_cast<OptimizerSharding>(atoi(argv[4]))};
}

}  // namespace cohort::learner

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  cohort::learner::TakeRankArguments(argc, argv);
  // A rank is in the network of the process that started it.
  if (cohort::learner::rank_arguments.has_value()) return RUN_ALL_TESTS();
  return cohort::common::RunAllTestsInOwnNetwork();
}
