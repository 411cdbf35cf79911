// SPDX-License-Identifier: Apache-2.0
// Contexts: the file, the verbs that change it, and which of file, environment and flags is heard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "cli/context_file.h"
#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A variable for the length of a scope.
class ScopedVariable final {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~ScopedVariable() { unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* const name_;
};

class ContextVerbTest : public VerbFixture {
 protected:
  ContextVerbTest() {
    AddJob("demo", cohort::v1::JOB_STATE_RUNNING);
    cohort::v1::Job job;
    job.set_name("namespaces/team/jobs/other");
    service_.SetJob(job);
  }
};

TEST_F(ContextVerbTest, CurrentContextIsTheServerThatIsCalled) {
  EXPECT_EQ(RunAlone({"context", "set", "here", "--server", service_.Address(), "--namespace", "team", "--use"}),
            common::kExitOk)
      << err_.str();
  EXPECT_EQ(out_.str(), "context here created\n");
  EXPECT_EQ(RunAlone({"get", "other", "-o", "name"}), common::kExitOk) << err_.str();
  EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitNotFound) << "it is of another namespace";
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("namespaces/team/jobs/demo"), HasSubstr("(context here)")));
}

TEST_F(ContextVerbTest, FlagsWinOverTheEnvironmentAndItOverTheContext) {
  ASSERT_EQ(RunAlone({"context", "set", "here", "--server", service_.Address(), "-n", "nowhere", "--use"}),
            common::kExitOk);
  EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitNotFound);
  const ScopedVariable of_environment("COHORT_NAMESPACE", "default");
  EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitOk) << err_.str();
  EXPECT_EQ(RunAlone({"get", "other"}), common::kExitNotFound);
  EXPECT_EQ(RunAlone({"get", "other", "-n", "team"}), common::kExitOk) << err_.str();
}

TEST_F(ContextVerbTest, ContextIsChosenByFlagOrEnvironment) {
  ASSERT_EQ(RunAlone({"context", "set", "gone", "--server", "127.0.0.1:1", "--use"}), common::kExitOk);
  ASSERT_EQ(RunAlone({"context", "set", "here", "--server", service_.Address()}), common::kExitOk);
  EXPECT_THAT(err_.str(), HasSubstr("cohortctl context use here"));
  EXPECT_EQ(RunAlone({"--context", "here", "get", "demo"}), common::kExitOk) << err_.str();
  {
    const ScopedVariable chosen("COHORT_CONTEXT", "here");
    EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitOk) << err_.str();
  }
  EXPECT_EQ(RunAlone({"context", "use", "here"}), common::kExitOk);
  EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitOk) << err_.str();
}

// The token of a context is for its server.
TEST_F(ContextVerbTest, ServerOfTheFlagLeavesTheCurrentContextOut) {
  const std::string token = WriteFile("token", "0123456789abcdef0123456789abcdef\n");
  chmod(token.c_str(), 0600);
  ASSERT_EQ(
      RunAlone({"context", "set", "there", "--server", "127.0.0.1:1", "-n", "nowhere", "--token_file", token, "--use"}),
      common::kExitOk)
      << err_.str();
  chmod(token.c_str(), 0666);
  EXPECT_EQ(Run({"get", "demo"}), common::kExitOk) << "neither token nor namespace is looked at: " << err_.str();
  EXPECT_NE(Run({"get", "demo", "--context", "there"}), common::kExitOk);
  EXPECT_THAT(err_.str(), HasSubstr(token));
  const ScopedVariable chosen("COHORT_CONTEXT", "there");
  EXPECT_EQ(Run({"get", "demo"}), common::kExitOk) << "nor are those of the environment's context: " << err_.str();
  EXPECT_EQ(Run({"get", "absent"}), common::kExitNotFound);
  EXPECT_THAT(err_.str(), HasSubstr("--server"));
  EXPECT_NE(Run({"get", "demo", "--context", "there"}), common::kExitOk) << "the flag says what the variable says";
  EXPECT_THAT(err_.str(), HasSubstr(token));
  const ScopedVariable server("COHORT_SERVER", service_.Address());
  EXPECT_NE(RunAlone({"get", "demo"}), common::kExitOk) << "the environment names both";
  EXPECT_THAT(err_.str(), HasSubstr(token));
}

TEST_F(ContextVerbTest, ContextThatIsNotThereIsBadUsageOfAVerbAndNotFoundOfContext) {
  EXPECT_EQ(RunAlone({"get", "demo", "--context", "nobody"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--context: there is no such context"));
  EXPECT_EQ(RunAlone({"context", "use", "nobody"}), common::kExitNotFound);
  EXPECT_EQ(RunAlone({"context", "delete", "nobody"}), common::kExitNotFound);
  EXPECT_EQ(RunAlone({"context", "show", "nobody"}), common::kExitNotFound);
  EXPECT_EQ(RunAlone({"context", "show"}), common::kExitNotFound);
  EXPECT_THAT(err_.str(), HasSubstr("cohortctl context use NAME"));
}

TEST_F(ContextVerbTest, SetChangesWhatIsGivenAndAnEmptyValueClears) {
  const std::string token = WriteFile("token", "0123456789abcdef0123456789abcdef\n");
  chmod(token.c_str(), 0600);
  ASSERT_EQ(RunAlone({"context", "set", "a", "--server", "127.0.0.1:1", "--token_file", token}), common::kExitOk)
      << err_.str();
  ASSERT_EQ(RunAlone({"context", "set", "a", "-n", "team"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "context a changed\n");
  ASSERT_EQ(RunAlone({"context", "show", "a"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "server: \"127.0.0.1:1\"\nnamespace: team\ntoken_file: " + token + "\n");
  ASSERT_EQ(RunAlone({"context", "set", "a", "--token_file", ""}), common::kExitOk) << err_.str();
  ASSERT_EQ(RunAlone({"context", "show", "a"}), common::kExitOk);
  EXPECT_THAT(out_.str(), Not(HasSubstr("token")));
}

TEST_F(ContextVerbTest, SetRefusesWhatNoCallCouldUse) {
  EXPECT_EQ(RunAlone({"context", "set", "a"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--server"));
  EXPECT_EQ(RunAlone({"context", "set", "a", "--server", "nonsense"}), common::kExitUsage);
  EXPECT_EQ(RunAlone({"context", "set", "a b", "--server", "127.0.0.1:1"}), common::kExitUsage);
  // A token in the place of its file.
  EXPECT_EQ(RunAlone({"context", "set", "a", "--server", "127.0.0.1:1", "--token_file", "0123456789abcdef"}),
            common::kExitUsage);
  EXPECT_EQ(RunAlone({"context", "list", "-o", "name"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(ContextVerbTest, ListMarksTheCurrentOneAndDeleteForgets) {
  ASSERT_EQ(RunAlone({"context", "set", "b", "--server", "127.0.0.1:2", "-n", "team", "--use"}), common::kExitOk);
  ASSERT_EQ(RunAlone({"context", "set", "a", "--server", "127.0.0.1:1"}), common::kExitOk);
  EXPECT_EQ(RunAlone({"context", "list"}), common::kExitOk);
  EXPECT_EQ(out_.str(),
            "CURRENT  NAME  SERVER       NAMESPACE  TLS  TOKEN\n"
            "         a     127.0.0.1:1  default    no   no\n"
            "*        b     127.0.0.1:2  team       no   no\n");
  EXPECT_EQ(RunAlone({"context", "list", "-o", "json"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("\"current\": \"b\""));
  EXPECT_EQ(RunAlone({"context", "delete", "b"}), common::kExitOk);
  EXPECT_THAT(err_.str(), HasSubstr("no context is the current one"));
  EXPECT_EQ(RunAlone({"context", "list", "-o", "name"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "a\n");
}

TEST_F(ContextVerbTest, FileIsItsOwnersAndReadStrictly) {
  ASSERT_EQ(RunAlone({"context", "set", "a", "--server", "127.0.0.1:1", "--use"}), common::kExitOk);
  struct stat description;
  ASSERT_EQ(stat(ContextsPath().c_str(), &description), 0);
  EXPECT_EQ(description.st_mode & 0777, 0600u);
  chmod(ContextsPath().c_str(), 0666);
  EXPECT_NE(RunAlone({"get", "demo"}), common::kExitOk);
  EXPECT_THAT(err_.str(), HasSubstr("chmod o-w"));
  chmod(ContextsPath().c_str(), 0600);
  WriteFile("contexts.yaml", "contexts:\n  a:\n    server: 127.0.0.1:1\n    token: secret\n");
  EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("contexts.yaml:4"), HasSubstr("contexts.a.token")));
  WriteFile("contexts.yaml", "contexts:\n  a:\n    server: nonsense\n");
  EXPECT_EQ(RunAlone({"get", "demo"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("contexts.a.server"));
  EXPECT_EQ(RunAlone({"version"}), common::kExitOk) << "what calls nobody needs no context";
}

TEST_F(ContextVerbTest, FileIsWhereTheEnvironmentSays) {
  EXPECT_EQ(ContextFilePath(), ContextsPath());
  const ScopedVariable xdg("XDG_CONFIG_HOME", dir_.path() + "/xdg");
  const ScopedVariable unset("COHORT_CONFIG", "");
  EXPECT_EQ(ContextFilePath(), dir_.path() + "/xdg/cohort/contexts.yaml");
  EXPECT_EQ(RunAlone({"context", "set", "a", "--server", "127.0.0.1:1"}), common::kExitOk) << "makes the folder";
  EXPECT_OK(common::ReadFile(ContextFilePath()).status());
}

}  // namespace
}  // namespace cohort::cli
