// SPDX-License-Identifier: Apache-2.0
#include "tests/end_to_end/tiny_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/group_record.h"
#include "learner/checkpoint/manifest.h"
#include "tests/end_to_end/tiny_example.h"

namespace cohort::tests {
namespace {

using coordinator::GroupState;

std::vector<std::string> LocalCommand(const std::string& example, const std::string& run_dir,
                                      const std::vector<std::string>& further_flags) {
  std::vector<std::string> argv = {Binary("cli/cohortctl"),
                                   "local",
                                   "-f",
                                   example + "/sft.yaml",
                                   "-f",
                                   example + "/rlvr.yaml",
                                   "--run_dir",
                                   run_dir,
                                   "--data_root",
                                   example,
                                   "--model_root",
                                   example,
                                   "--lease_seconds",
                                   "5"};
  argv.insert(argv.end(), further_flags.begin(), further_flags.end());
  return argv;
}

std::string FreshLogPath(const std::string& run_dir) {
  for (int i = 0;; ++i) {
    const std::string path = absl::StrCat(run_dir, ".log.", i);
    if (!std::filesystem::exists(path)) return path;
  }
}

// Rows of a query with one text parameter; blobs and numbers are read by `on_row`.
void Query(const std::string& path, const char* sql, const std::string& parameter,
           const std::function<void(sqlite3_stmt*)>& on_row) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK) << path;
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_bind_text(statement, 1, parameter.c_str(), -1, SQLITE_TRANSIENT);
  while (sqlite3_step(statement) == SQLITE_ROW) on_row(statement);
  sqlite3_finalize(statement);
  sqlite3_close(database);
}

std::string StorePath(const std::string& run_dir) { return run_dir + "/state/coordinator.sqlite"; }

// (step, mismatch) of every step of the RLVR job, in order of the file.
std::vector<std::pair<int64_t, double>> RlvrSteps(const std::string& run_dir) {
  std::vector<std::pair<int64_t, double>> steps;
  std::istringstream lines(ReadText(run_dir + "/metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json["job"] != "rlvr" || json["event"] != "step") continue;
    steps.emplace_back(json["policy_version"], json.value("mismatch_max_abs", -1.0));
  }
  return steps;
}

void ExpectUsableCheckpoint(const std::string& run_dir, const std::string& path) {
  const auto manifest = learner::VerifyManifest(path);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->policy_version, kRlvrSteps);
  const std::string input = run_dir + "/tokens.jsonl";
  const std::string output = run_dir + "/logprobs.jsonl";
  WriteText(input, "{\"token_ids\": [3, 12, 4, 13, 14, 5, 1]}\n");
  const Finished logprobs = RunProgram({Binary("rollout_worker/cohort-rollout-worker"), "logprobs", "--model", path,
                                        "--input", input, "--output", output},
                                       FreshLogPath(run_dir));
  EXPECT_EQ(logprobs.exit.code, 0) << logprobs.text;
  EXPECT_THAT(ReadText(output), ::testing::HasSubstr("logprobs"));
}

}  // namespace

double MetricSum(const std::string& http, const std::string& name, const std::string& label) {
  const auto response = httplib::Client("http://" + http).Get("/metrics");
  if (!response) return 0;
  double sum = 0;
  std::istringstream lines(response->body);
  for (std::string line; std::getline(lines, line);) {
    const bool is_sample = absl::StartsWith(line, name + "{") || absl::StartsWith(line, name + " ");
    if (is_sample && absl::StrContains(line, label)) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

TinyRun::TinyRun(const std::string& example, const std::string& run_dir, const std::vector<std::string>& further_flags)
    : run_dir_(run_dir), program_(LocalCommand(example, run_dir, further_flags), FreshLogPath(run_dir)) {}

bool TinyRun::AwaitStep(const std::string& job, int64_t version) {
  const std::string needle =
      absl::StrCat("{\"job\":\"", job, "\",\"event\":\"step\",\"policy_version\":", version, ",");
  return WaitUntil([&] { return ReadText(run_dir_ + "/metrics.jsonl").find(needle) != std::string::npos; },
                   [&] { return program_.HasEnded(); });
}

double TinyRun::CoordinatorMetric(const std::string& name, const std::string& label) const {
  // A restarted coordinator has another port: the last one counts.
  const std::string log = ReadText(run_dir_ + "/logs/coordinator.log");
  const size_t serving = log.rfind(" serving ");
  if (serving == std::string::npos) return 0;
  const size_t begin = log.find("http=", serving) + 5;
  return MetricSum(log.substr(begin, log.find('\n', begin) - begin), name, label);
}

pid_t TinyRun::ProcessOf(const std::string& name) const {
  return program_.ChildWith(name == "coordinator" ? "--data_dir" : name);
}

Ledger ReadLedger(const std::string& run_dir, const std::string& job_id) {
  Ledger ledger;
  const std::string store = StorePath(run_dir);
  const std::string name = "namespaces/default/jobs/" + job_id;
  Query(store, "SELECT plan FROM plans WHERE job = ? ORDER BY version", name, [&](sqlite3_stmt* row) {
    cohort::v1::StepPlan plan;
    plan.ParseFromArray(sqlite3_column_blob(row, 0), sqlite3_column_bytes(row, 0));
    for (const auto& group : plan.groups()) ledger.planned_groups.push_back(group.group_id());
  });
  const char* const groups =
      "SELECT state, attempt, drop_reason, step - policy_version FROM groups WHERE job = ? AND purpose = 1";
  Query(store, groups, name, [&](sqlite3_stmt* row) {
    const auto state = static_cast<GroupState>(sqlite3_column_int(row, 0));
    if (state == GroupState::kDropped) {
      ledger.drop_reasons.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(row, 2)));
    }
    if (state == GroupState::kTrained)
      ledger.largest_lag = std::max<int64_t>(ledger.largest_lag, sqlite3_column_int64(row, 3));
    ledger.num_trained += state == GroupState::kTrained;
    ledger.num_dropped += state == GroupState::kDropped;
    ledger.num_open += state < GroupState::kTrained;
    ledger.num_retried += sqlite3_column_int(row, 1) > 1;
  });
  Query(store, "SELECT version FROM versions WHERE job = ? ORDER BY version", name,
        [&](sqlite3_stmt* row) { ledger.committed_versions.push_back(sqlite3_column_int64(row, 0)); });
  Query(store, "SELECT job FROM jobs WHERE name = ?", name, [&](sqlite3_stmt* row) {
    cohort::v1::Job job;
    job.ParseFromArray(sqlite3_column_blob(row, 0), sqlite3_column_bytes(row, 0));
    ledger.checkpoint_path = job.checkpoint_path();
  });
  return ledger;
}

void ExpectExactRun(const std::string& run_dir) {
  const Ledger ledger = ReadLedger(run_dir, "rlvr");
  EXPECT_EQ(ledger.num_trained, kRlvrSteps * kGroupsPerStep);
  EXPECT_EQ(ledger.num_dropped, 0);
  EXPECT_EQ(ledger.num_open, 0);
  const std::set<int64_t> distinct(ledger.planned_groups.begin(), ledger.planned_groups.end());
  EXPECT_EQ(static_cast<int64_t>(ledger.planned_groups.size()), kRlvrSteps * kGroupsPerStep);
  EXPECT_EQ(distinct.size(), ledger.planned_groups.size());

  const std::vector<std::pair<int64_t, double>> steps = RlvrSteps(run_dir);
  ASSERT_EQ(steps.size(), static_cast<size_t>(kRlvrSteps));
  for (int i = 0; i < kRlvrSteps; ++i) {
    EXPECT_EQ(steps[i].first, i + 1);
    EXPECT_EQ(steps[i].second, 0.0) << "mismatch at step " << i + 1;
  }
  ExpectUsableCheckpoint(run_dir, ledger.checkpoint_path);
}

std::string FinalWeights(const std::string& run_dir, const std::string& job_id) {
  std::set<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(ReadLedger(run_dir, job_id).checkpoint_path)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("model", 0) == 0 && entry.path().extension() == ".safetensors") paths.insert(entry.path().string());
  }
  EXPECT_FALSE(paths.empty());
  std::string weights;
  for (const std::string& path : paths) weights += ReadText(path);
  return weights;
}

}  // namespace cohort::tests
