// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/fake_job_service.h"
#include "common/exit_codes.h"
#include "common/field_error.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class VerbsTest : public ::testing::Test {
 protected:
  // Runs cohortctl with these arguments, after the server flag.
  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    arguments.insert(arguments.begin(), {"cohortctl", "--server", service_.Address()});
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return RunCommandLine(static_cast<int>(argv.size()), argv.data(), {.out = &out_, .err = &err_});
  }
  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  void AddJob(const std::string& id, cohort::v1::JobState state) {
    cohort::v1::Job job;
    job.set_name("namespaces/default/jobs/" + id);
    job.set_state(state);
    job.set_state_reason(state == cohort::v1::JOB_STATE_FAILED ? "accuracy was not reached" : "");
    service_.SetJob(job);
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    *event.mutable_state_changed() = job;
    service_.SetEvents(job.name(), {event});
  }

  common::TempDir dir_;
  FakeJobService service_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(VerbsTest, SubmitSendsTheSpecUnderTheFilesNameWithARequestId) {
  const std::string path = WriteFile("warm_start.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"submit", "-f", path}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "job warm-start created\n");
  const auto creations = service_.Creations();
  ASSERT_EQ(creations.size(), 1u);
  EXPECT_EQ(creations[0].job_id(), "warm-start");
  EXPECT_EQ(creations[0].request_id().size(), 36u);
  EXPECT_EQ(creations[0].job().spec().training().num_steps(), 3);
}

TEST_F(VerbsTest, DryRunOnlyValidates) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"submit", "-f", path, "--id", "b", "--dry-run"}), common::kExitOk);
  EXPECT_TRUE(service_.Creations()[0].validate_only());
  EXPECT_EQ(Run({"get", "b"}), common::kExitNotFound);
}

TEST_F(VerbsTest, RefusedJobFileIsOneSentenceOnStandardErrorAndExitTwo) {
  service_.RefuseCreation(common::InvalidField("rlvr.rollout.group_size", "1", "must be at least 2"));
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  for (const char* verb : {"submit", "validate"}) {
    EXPECT_EQ(Run({verb, "-f", path}), common::kExitUsage);
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), AllOf(HasSubstr("a.yaml: rlvr.rollout.group_size"), HasSubstr("(1)")));
  }
}

TEST_F(VerbsTest, GetPrintsYamlWhenAsked) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"get", "demo", "-o", "yaml"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "name: namespaces/default/jobs/demo\nstate: running\n");
}

TEST_F(VerbsTest, ListFollowsEveryPage) {
  AddJob("a", cohort::v1::JOB_STATE_RUNNING);
  AddJob("b", cohort::v1::JOB_STATE_RUNNING);
  AddJob("c", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"list", "-o", "name"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "namespaces/default/jobs/a\nnamespaces/default/jobs/b\nnamespaces/default/jobs/c\n");
}

TEST_F(VerbsTest, WatchExitsWithFiveWhenTheJobFailed) {
  AddJob("good", cohort::v1::JOB_STATE_SUCCEEDED);
  AddJob("bad", cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Run({"watch", "good"}), common::kExitOk);
  EXPECT_EQ(Run({"watch", "bad"}), common::kExitJobFailed);
  EXPECT_THAT(err_.str(), HasSubstr("accuracy was not reached"));
}

TEST_F(VerbsTest, CancelPrintsTheJob) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Run({"cancel", "demo"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("cancelled"));
}

TEST_F(VerbsTest, VerbsOnAnAbsentJobExitWithThree) {
  for (const char* verb : {"get", "watch", "cancel"}) {
    EXPECT_EQ(Run({verb, "nobody"}), common::kExitNotFound) << verb;
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), HasSubstr("nobody"));
  }
}

TEST_F(VerbsTest, AbsentJobFileIsAUsageErrorOfEveryVerbThatTakesOne) {
  for (const char* verb : {"submit", "validate", "local"}) {
    EXPECT_EQ(Run({verb, "-f", dir_.Join("absent.yaml")}), common::kExitUsage) << verb;
    EXPECT_THAT(err_.str(), HasSubstr("absent.yaml"));
    EXPECT_EQ(Run({verb, "-f", dir_.path()}), common::kExitUsage) << verb << ": a folder";
    EXPECT_THAT(err_.str(), HasSubstr(dir_.path()));
    EXPECT_EQ(Run({verb}), common::kExitUsage) << verb << ": no file";
  }
  EXPECT_TRUE(service_.Creations().empty());
}

TEST_F(VerbsTest, ServerThatIsNoAddressIsAUsageError) {
  for (const char* server : {"nonsense", "", "host:", "host:0", "host:65536", "a b:1:2"}) {
    err_.str("");
    const char* argv[] = {"cohortctl", "--server", server, "list"};
    EXPECT_EQ(RunCommandLine(4, argv, {.out = &out_, .err = &err_}), common::kExitUsage) << server;
    EXPECT_THAT(err_.str(), HasSubstr("--server: ")) << server;
  }
}

TEST_F(VerbsTest, AbsentCoordinatorIsOneSentenceOfEveryVerbAndExitOne) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  service_.Stop();
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{
           {"list"}, {"get", "a"}, {"cancel", "a"}, {"watch", "a"}, {"submit", "-f", path}, {"validate", "-f", path}}) {
    EXPECT_EQ(Run(verb), common::kExitFailure) << verb[0];
    const std::string error = err_.str();
    EXPECT_THAT(error, HasSubstr("the coordinator cannot be reached")) << verb[0];
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
  }
}

TEST_F(VerbsTest, OutputThatCannotBeWrittenIsAFailure) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  std::ofstream full("/dev/full");
  const std::string server = service_.Address();
  const char* argv[] = {"cohortctl", "--server", server.c_str(), "get", "demo"};
  EXPECT_EQ(RunCommandLine(5, argv, {.out = &full, .err = &err_}), common::kExitFailure);
  EXPECT_EQ(err_.str(), "cohortctl: standard output cannot be written\n");
}

TEST_F(VerbsTest, LocalNamesARunFolderThatCannotBeMade) {
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

TEST_F(VerbsTest, UnknownVerbAndUnknownFormatAreUsageErrors) {
  EXPECT_EQ(Run({"frobnicate"}), common::kExitUsage);
  EXPECT_EQ(Run({"get", "demo", "-o", "xml"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("xml"));
}

TEST_F(VerbsTest, EveryVerbHasHelp) {
  for (const char* verb : {"local", "submit", "get", "list", "watch", "cancel", "validate", "model", "version"}) {
    EXPECT_EQ(Run({verb, "--help"}), common::kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("Usage"));
  }
}

TEST_F(VerbsTest, ValidateChecksAJobFromAnEarlierFileWithThatFilesModel) {
  const std::string first = WriteFile("warm_start.yaml", "model:\n  path: tiny\n");
  const std::string second = WriteFile("rl.yaml", "model:\n  from_job: warm-start\n");
  EXPECT_EQ(Run({"validate", "-f", first, "-f", second}), common::kExitOk) << err_.str();
  const auto creations = service_.Creations();
  ASSERT_EQ(creations.size(), 2u);
  EXPECT_TRUE(creations[1].validate_only());
  EXPECT_EQ(creations[1].job().spec().model().path(), "tiny");
  EXPECT_EQ(Run({"validate", "-f", second}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.Creations().back().job().spec().model().from_job(), "warm-start");
}

TEST_F(VerbsTest, LocalNamesAnEmptyRootFlag) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"local", "-f", path, "--data_root", "", "--run_dir", dir_.Join("run")}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--data_root"));
}

TEST_F(VerbsTest, LocalRefusesRanksThatWouldShareAGpu) {
  const std::string path = WriteFile("a.yaml", "training:\n  world_size: 2\n");
  EXPECT_EQ(Run({"local", "-f", path, "--device", "cuda:0", "--run_dir", dir_.Join("run")}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("cuda:0"));
}

TEST_F(VerbsTest, LocalRefusesAJobThatNeedsMoreRanks) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n  world_size: 4\n");
  EXPECT_EQ(Run({"local", "-f", path, "--run_dir", dir_.path() + "/run"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("a.yaml: training.world_size"), HasSubstr("(4)")));
}

}  // namespace
}  // namespace cohort::cli
