// SPDX-License-Identifier: Apache-2.0
// The whole loop on real processes: two rollout workers, two learner ranks, an SFT job and an RLVR job that starts from
// its checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/temp_dir.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Kills worker-0 and freezes worker-1 until a lease has run out: with nobody to sample, what either of them had
// claimed, or claims are answered with after the freeze, is lost and must be sampled again.
bool KillAndLoseALease(TinyRun& run) {
  const auto expired = [&] { return run.CoordinatorMetric("cohort_coordinator_leases_expired_total"); };
  const pid_t killed = run.ProcessOf("worker-0"), frozen = run.ProcessOf("worker-1");
  if (killed <= 0 || frozen <= 0 || kill(frozen, SIGSTOP) != 0 || kill(killed, SIGKILL) != 0) return false;
  const bool has_expired = WaitUntil([&] { return expired() > 0; }, [&] { return run.Program().HasEnded(); });
  return kill(frozen, SIGCONT) == 0 && has_expired;
}

// A coordinator over what a run left. Null when it does not come up.
std::unique_ptr<RunningProgram> ServeAgain(const std::string& example, const std::string& run_dir,
                                           const std::string& address_file) {
  auto coordinator = std::make_unique<RunningProgram>(
      std::vector<std::string>{Binary("coordinator/cohort-coordinator"), "--listen", "127.0.0.1:0", "--http_listen",
                               "127.0.0.1:0", "--data_dir", run_dir + "/state", "--checkpoint_root", run_dir,
                               "--model_root", example, "--data_root", example, "--address_file", address_file},
      address_file + ".log");
  const bool is_serving =
      WaitUntil([&] { return !AddressIn(address_file, "grpc").empty(); }, [&] { return coordinator->HasEnded(); });
  return is_serving ? std::move(coordinator) : nullptr;
}

// `cohortctl trace` follows every trained group once, from the claim by a worker to the rank that trained it.
void ExpectTracedRun(const std::string& example, const std::string& run_dir) {
  const std::vector<int64_t> planned = ReadLedger(run_dir, "rlvr").planned_groups;
  const auto coordinator = ServeAgain(example, run_dir, run_dir + ".address");
  ASSERT_NE(coordinator, nullptr) << ReadText(run_dir + ".address.log");
  const std::string server = AddressIn(run_dir + ".address", "grpc");
  const std::string file = run_dir + ".trace.json";
  const Finished traced = RunProgram({Binary("cli/cohortctl"), "--server", server, "trace", "rlvr", "--first_step", "0",
                                      "--last_step", std::to_string(kRlvrSteps - 1), "--output", file},
                                     run_dir + ".trace.log");
  ASSERT_EQ(traced.exit.code, 0) << traced.text;
  const auto trace = nlohmann::json::parse(ReadText(file));
  std::map<int64_t, std::string> processes;
  std::map<int64_t, std::string> trace_ids;                       // of the groups on workers
  std::map<std::string, std::multiset<std::string>> flow_events;  // by trace id: kind and process
  std::multiset<int64_t> on_workers;
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] == "process_name")
      processes[event["pid"].get<int64_t>()] = event["args"]["name"].get<std::string>();
  }
  const auto is_on = [&](const nlohmann::json& event, const char* prefix) {
    return processes.at(event["pid"].get<int64_t>()).rfind(prefix, 0) == 0;
  };
  for (const auto& event : trace["traceEvents"]) {
    const std::string category = event.value("cat", "");
    if (category == "flow") {
      const char* const where = is_on(event, "rank ") ? "rank" : is_on(event, "worker ") ? "worker" : "coordinator";
      flow_events[event["id"].get<std::string>()].insert(event["ph"].get<std::string>() + " " + where);
    } else if (category == "groups" && is_on(event, "worker ") && event["args"]["purpose"] == "train") {
      on_workers.insert(event["args"]["group"].get<int64_t>());
      trace_ids[event["args"]["group"].get<int64_t>()] = event["args"]["trace_id"].get<std::string>();
    }
  }
  EXPECT_EQ(on_workers, std::multiset<int64_t>(planned.begin(), planned.end()));
  for (const int64_t group : planned) {
    EXPECT_THAT(flow_events[trace_ids[group]], ElementsAre("f rank", "s worker", "t coordinator")) << group;
  }
}

TEST(LoopTest, KilledWorkerCostsItsLeaseAndNothingElse) {
  const common::TempDir dir;
  WriteTinyExample(dir.path());
  const std::string disturbed = dir.Join("disturbed");
  {
    TinyRun run(dir.path(), disturbed);
    ASSERT_TRUE(run.AwaitStep("rlvr", 2)) << run.Program().Text();
    ASSERT_TRUE(KillAndLoseALease(run)) << run.Program().Text();
    const Finished finished = run.Program().Finish();
    EXPECT_EQ(finished.exit.code, 0) << finished.text;
    EXPECT_THAT(finished.text, HasSubstr("worker-0 ended with signal 9"));
    EXPECT_THAT(finished.text, HasSubstr("final checkpoint"));
  }
  ExpectExactRun(disturbed);
  EXPECT_GE(ReadLedger(disturbed, "rlvr").num_retried, 1);
  ExpectTracedRun(dir.path(), disturbed);

  // One worker, left in peace, gives the same weights to the last bit.
  const std::string calm = dir.Join("calm");
  const Finished finished = TinyRun(dir.path(), calm, {"--workers", "1"}).Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  ExpectExactRun(calm);
  EXPECT_TRUE(FinalWeights(disturbed) == FinalWeights(calm));
}

// From the fp32 weights of the SFT job; no step may show a mismatch between worker and learner.
TEST(LoopTest, Bf16IsSampledAsItIsTrained) {
  const common::TempDir dir;
  WriteTinyExample(dir.path());
  std::string job = ReadText(dir.Join("rlvr.yaml"));
  const std::string model = "model:\n";
  job.insert(job.find(model) + model.size(), "  precision: bf16\n");
  std::ofstream(dir.Join("rlvr.yaml")) << job;
  const Finished finished = TinyRun(dir.path(), dir.Join("run")).Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  ExpectExactRun(dir.Join("run"));
}

}  // namespace
}  // namespace cohort::tests
