// SPDX-License-Identifier: Apache-2.0
// What holds for every verb.
#include "cli/verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/version.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using VerbsTest = VerbFixture;

// Verbs whose argument is a job.
constexpr const char* kVerbsOnAJob[] = {"get",    "describe",    "watch", "wait",    "pause",    "resume", "cancel",
                                        "delete", "checkpoints", "steps", "metrics", "rollouts", "logs",   "trace"};

// A command line of each verb that calls the coordinator, about a job `a` or this job file.
std::vector<std::vector<std::string>> VerbsThatCall(const std::string& job_file) {
  std::vector<std::vector<std::string>> verbs = {
      {"list"}, {"ps"}, {"upload", job_file}, {"submit", "-f", job_file}, {"validate", "-f", job_file}};
  for (const char* verb : kVerbsOnAJob) {
    verbs.push_back({verb, "a"});
  }
  verbs.push_back({"download", "a", "--output", job_file + ".checkpoint"});
  return verbs;
}

TEST_F(VerbsTest, VerbsOnAnAbsentJobExitWithThree) {
  for (const char* verb : kVerbsOnAJob) {
    EXPECT_EQ(Run({verb, "nobody"}), common::kExitNotFound) << verb;
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), HasSubstr("nobody"));
  }
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
  const auto verbs = VerbsThatCall(WriteFile("a.yaml", "training:\n  num_steps: 3\n"));
  service_.Stop();
  std::vector<std::thread> threads;
  for (const std::vector<std::string>& verb : verbs) {
    // Each waits for its tries: all at once.
    threads.emplace_back([verb, server = service_.Address()] {
      std::vector<const char*> argv = {"cohortctl", "--server", server.c_str()};
      for (const std::string& argument : verb) argv.push_back(argument.c_str());
      std::ostringstream out;
      std::ostringstream err;
      EXPECT_EQ(RunCommandLine(static_cast<int>(argv.size()), argv.data(), {.out = &out, .err = &err}),
                common::kExitFailure)
          << verb[0];
      const std::string error = err.str();
      EXPECT_THAT(error, HasSubstr("the coordinator cannot be reached at " + server + " (--server)")) << verb[0];
      EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(VerbsTest, EveryVerbThatCallsTheServerUsesTheSecurityFlags) {
  AddJob("a", cohort::v1::JOB_STATE_SUCCEEDED);
  for (const std::vector<std::string>& verb : VerbsThatCall(WriteFile("a.yaml", "training:\n  num_steps: 3\n"))) {
    std::vector<std::string> arguments = {"--token_file", "/nowhere/token"};
    arguments.insert(arguments.end(), verb.begin(), verb.end());
    EXPECT_NE(Run(arguments), common::kExitOk) << verb[0];
    EXPECT_THAT(err_.str(), HasSubstr("/nowhere/token")) << verb[0];
  }
}

// The lists above and below name every verb, so that one that is added is looked at.
TEST_F(VerbsTest, EveryVerbEitherCallsTheServerOrIsKnownNotTo) {
  CLI::App app;
  VerbContext context{.console = {.out = &out_, .err = &err_}};
  AddVerbs(app, context);
  std::set<std::string> known = {"completion", "context", "local", "model", "schema", "score", "version"};
  for (const std::vector<std::string>& verb : VerbsThatCall("a.yaml")) known.insert(verb[0]);
  std::set<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) verbs.insert(verb->get_name());
  EXPECT_EQ(verbs, known);
}

TEST_F(VerbsTest, QuietLeavesErrorsAlone) {
  EXPECT_EQ(Run({"rollouts", "a", "--quiet"}), common::kExitNotFound);
  EXPECT_THAT(err_.str(), HasSubstr("job not found"));
  AddJob("a", cohort::v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(Run({"rollouts", "a"}), common::kExitOk);
  EXPECT_EQ(err_.str(), "cohortctl: no rollouts\n");
  EXPECT_EQ(Run({"rollouts", "a", "--quiet"}), common::kExitOk);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(VerbsTest, AbsentJobIsNamedWithItsServerAndTheNextStep) {
  EXPECT_EQ(Run({"get", "nobody", "-n", "team"}), common::kExitNotFound);
  EXPECT_EQ(err_.str(),
            "cohortctl: job not found (namespaces/team/jobs/nobody); cohortctl list shows the jobs of "
            "namespace team at " +
                service_.Address() + " (--server)\n");
}

TEST_F(VerbsTest, OutputThatCannotBeWrittenIsAFailure) {
  AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
  std::ofstream full("/dev/full");
  const std::string server = service_.Address();
  const char* argv[] = {"cohortctl", "--server", server.c_str(), "get", "demo"};
  EXPECT_EQ(RunCommandLine(5, argv, {.out = &full, .err = &err_}), common::kExitFailure);
  EXPECT_EQ(err_.str(), "cohortctl: standard output cannot be written\n");
}

TEST_F(VerbsTest, SchemaIsPrintedAsItIsPublished) {
  EXPECT_EQ(RunAlone({"schema"}), common::kExitOk);
  EXPECT_THAT(out_.str(), AllOf(StartsWith("{\n"), HasSubstr("\"$ref\": \"#/$defs/JobSpec\""), EndsWith("}\n")));
}

TEST_F(VerbsTest, VersionIsThatOfTheProgramAndOfTheServerThatAnswers) {
  EXPECT_EQ(Run({"version"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(),
              AllOf(StartsWith(std::string("cohortctl ") + common::kVersion + " ("),
                    HasSubstr("\ncohort-coordinator 9.8.7 ("), EndsWith(" at " + service_.Address() + "\n")));
  EXPECT_EQ(Run({"version", "-o", "yaml"}), common::kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("client:\n"), HasSubstr("server:\n"), HasSubstr("9.8.7")));
  EXPECT_EQ(Run({"version", "--client", "-o", "json"}), common::kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("\"program\": \"cohortctl\""), Not(HasSubstr("9.8.7"))));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(VerbsTest, VersionIsPrintedAlsoWithoutAServer) {
  service_.Stop();
  EXPECT_EQ(Run({"version"}), common::kExitOk);
  EXPECT_THAT(out_.str(), StartsWith("cohortctl "));
  EXPECT_THAT(err_.str(), HasSubstr("no version of a server: "));
  EXPECT_EQ(Run({"version", "--client"}), common::kExitOk);
  EXPECT_EQ(err_.str(), "") << "nobody is called";
}

TEST_F(VerbsTest, UnknownVerbAndUnknownFormatAreUsageErrors) {
  EXPECT_EQ(Run({"frobnicate"}), common::kExitUsage);
  EXPECT_EQ(Run({"get", "demo", "-o", "xml"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("xml"));
}

TEST_F(VerbsTest, EveryVerbHasHelp) {
  CLI::App app;
  VerbContext context{.console = {.out = &out_, .err = &err_}};
  AddVerbs(app, context);
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  EXPECT_GE(verbs.size(), 19u);
  for (const CLI::App* verb : verbs) {
    EXPECT_EQ(Run({verb->get_name(), "--help"}), common::kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("Usage"));
  }
}

}  // namespace
}  // namespace cohort::cli
