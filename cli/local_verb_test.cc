// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/machine_memory.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LocalVerbTest : public VerbFixture {
 protected:
  // Binaries of a cluster whose coordinator is the fake service.
  std::string WriteFakeBinaries() {
    const std::string bin_dir = dir_.Join("fakes");
    std::filesystem::create_directories(bin_dir);
    WriteFile("fakes/cohort-coordinator",
              "#!/bin/sh\nwhile [ $# -gt 0 ]; do\n  [ \"$1\" = --address_file ] && echo grpc=" + service_.Address() +
                  " > \"$2\"\n  shift\ndone\nexec sleep 600\n");
    WriteFile("fakes/cohort-rollout-worker", "#!/bin/sh\nexec sleep 600\n");
    for (const auto& entry : std::filesystem::directory_iterator(bin_dir)) {
      std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
    }
    return bin_dir;
  }
  int RunFake(const std::string& file) {
    return Run({"local", "-f", file, "--bin_dir", WriteFakeBinaries(), "--run_dir", dir_.Join("run")});
  }
};

TEST_F(LocalVerbTest, LocalNamesARunFolderThatCannotBeMade) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  const std::string bin_dir = dir_.Join("bin");
  std::filesystem::create_directories(bin_dir);
  for (const char* binary : {"cohort-coordinator", "cohort-rollout-worker", "cohort-learner"}) {
    std::filesystem::create_symlink("/bin/false", bin_dir + "/" + binary);
  }
  EXPECT_EQ(Run({"local", "-f", path, "--bin_dir", bin_dir, "--run_dir", path + "/run"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--run_dir"), HasSubstr(path)));
  EXPECT_EQ(Run({"local", "-f", path, "--bin_dir", dir_.Join("nowhere"), "--run_dir", dir_.Join("run")}),
            common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--bin_dir"));
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("run")));
  // A coordinator that does not start: its exit is told, and nobody is left.
  EXPECT_EQ(Run({"local", "-f", path, "--bin_dir", bin_dir, "--run_dir", dir_.Join("run")}), common::kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("coordinator ended with exit code 1"));
}

TEST_F(LocalVerbTest, LocalNamesAnEmptyRootFlag) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"local", "-f", path, "--data_root", "", "--run_dir", dir_.Join("run")}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--data_root"));
}

TEST_F(LocalVerbTest, LocalRefusesRanksThatWouldShareAGpu) {
  const std::string path = WriteFile("a.yaml", "training:\n  world_size: 2\n");
  EXPECT_EQ(Run({"local", "-f", path, "--device", "cuda:0", "--run_dir", dir_.Join("run")}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("cuda:0"));
}

TEST_F(LocalVerbTest, LocalRefusesAJobThatNeedsMoreRanks) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n  world_size: 4\n");
  EXPECT_EQ(Run({"local", "-f", path, "--run_dir", dir_.path() + "/run"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("a.yaml: training.world_size"), HasSubstr("(4)")));
}

TEST_F(LocalVerbTest, JobsThatTrainNothingNeedNoLearnerBinaryAndNoRanks) {
  const std::string bin_dir = dir_.Join("bin");
  std::filesystem::create_directories(bin_dir);
  for (const char* binary : {"cohort-coordinator", "cohort-rollout-worker"}) {
    std::filesystem::create_symlink("/bin/false", bin_dir + "/" + binary);
  }
  const auto run = [&](const std::string& text) {
    const std::string path = WriteFile("job.yaml", text);
    return Run({"local", "-f", path, "--bin_dir", bin_dir, "--run_dir", dir_.Join("run")});
  };
  EXPECT_EQ(run("eval: {}\n"), common::kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("coordinator ended with exit code 1"));
  EXPECT_EQ(run("rescore: {job: other}\n"), common::kExitFailure);
  EXPECT_EQ(run("sft: {}\n"), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("cohort-learner"));
}

TEST_F(LocalVerbTest, CoordinatorKnowsWhichShareOfTheMemoryARankHas) {
  const std::string bin_dir = dir_.Join("bin"), arguments = dir_.Join("arguments");
  std::filesystem::create_directories(bin_dir);
  for (const char* binary : {"cohort-rollout-worker", "cohort-learner"}) {
    std::filesystem::create_symlink("/bin/false", bin_dir + "/" + binary);
  }
  WriteFile("bin/cohort-coordinator", "#!/bin/sh\necho \"$@\" > " + arguments + "\nexit 1\n");
  std::filesystem::permissions(bin_dir + "/cohort-coordinator", std::filesystem::perms::owner_all);
  // Gibibytes that the coordinator was told.
  const auto told = [&](const std::string& job, std::vector<std::string> flags) {
    flags.insert(flags.begin(),
                 {"local", "-f", WriteFile("job.yaml", job), "--bin_dir", bin_dir, "--run_dir", dir_.Join("run")});
    EXPECT_EQ(Run(flags), common::kExitFailure) << err_.str();
    std::ifstream file(arguments);
    for (std::string word; file >> word;) {
      double value = -1;
      if (word == "--learner_memory_gib" && file >> value) return value;
    }
    return -1.0;
  };
  const double machine = static_cast<double>(common::MachineMemoryBytes()) / (int64_t{1} << 30);
  EXPECT_NEAR(told("sft: {}\n", {"--ranks", "3"}) * 3, machine, 1e-3 * machine);
  EXPECT_EQ(told("sft: {}\n", {"--ranks", "1", "--device", "cuda:0"}), 0) << "that of a GPU is not known";
  EXPECT_EQ(told("eval: {}\n", {}), 0) << "there are no ranks";
  EXPECT_EQ(told("sft: {}\n", {"--learner_memory_gib", "1.5"}), 1.5);
}

TEST_F(LocalVerbTest, PausedJobEndsTheRunWithSixAndTheNextRunResumesIt) {
  const std::string name = "namespaces/default/jobs/measure";
  const std::string path = WriteFile("measure.yaml", "eval: {}\n");
  cohort::v1::JobEvent paused;
  paused.set_sequence(1);
  paused.mutable_state_changed()->set_name(name);
  paused.mutable_state_changed()->set_state(cohort::v1::JOB_STATE_PAUSED);
  paused.mutable_state_changed()->set_state_reason("budget.tokens is spent (1000)");
  service_.SetEvents(name, {paused});
  service_.KeepStreamsOpen();
  service_.SetStates(name, {cohort::v1::JOB_STATE_PAUSED});
  EXPECT_EQ(RunFake(path), common::kExitJobPaused) << err_.str();
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("measure is paused"), HasSubstr("--run_dir " + dir_.Join("run"))));
  EXPECT_TRUE(std::filesystem::exists(dir_.Join("run/summary.json")));

  cohort::v1::JobEvent succeeded = paused;
  succeeded.set_sequence(2);
  succeeded.mutable_state_changed()->set_state(cohort::v1::JOB_STATE_SUCCEEDED);
  succeeded.mutable_state_changed()->set_state_reason("");
  service_.SetEvents(name, {paused, succeeded});
  service_.CloseStreams();
  // Queued by the resume; the events of the pause are past.
  service_.SetStates(name, {cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_SUCCEEDED});
  EXPECT_EQ(RunFake(path), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.NumResumes(), 1);
}

}  // namespace
}  // namespace cohort::cli
