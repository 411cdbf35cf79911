// SPDX-License-Identifier: Apache-2.0
// The command verifier through a rubric: sandbox, deadline and retry included.
#include "reward/command_verifier.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "reward/rubric.h"

namespace cohort::reward {
namespace {

// A well-behaved program, in Python: `body` sets `answer` from `request`.
constexpr char kLoop[] = R"(
import json, os, sys, time
for line in sys.stdin:
    request = json.loads(line)
    text = request["completion"]
    answer = {"id": request["id"], "outcome": "graded", "value": 1}
BODY
    print(json.dumps(answer), flush=True)
)";

std::string Program(const std::string& body) {
  std::string program = kLoop;
  std::string indented;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    indented += "    " + body.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return program.replace(program.find("BODY\n"), 5, indented);
}

class CommandVerifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    zygote_ = Zygote::Start().value();
    spec_.add_verifiers()->mutable_deadline()->set_seconds(20);
    problem_.set_prompt("What is 2 + 2?");
    problem_.set_answer("4");
    problem_.set_row_json(R"({"gold": "it is 4", "list": [1, {"a": null}]})");
  }

  cohort::v1::CommandVerifier* command() { return spec_.mutable_verifiers(0)->mutable_command(); }
  void SetArgv(const std::vector<std::string>& argv) { *command()->mutable_argv() = {argv.begin(), argv.end()}; }
  void SetPython(const std::string& program) { SetArgv({"python3", "-c", program}); }

  std::unique_ptr<Rubric> MakeRubric(int num_children = 1) {
    return Rubric::Create(spec_, ::testing::TempDir(), zygote_.get(), num_children).value();
  }
  std::vector<RubricResult> Judge(const std::vector<std::string>& completions) {
    return MakeRubric()->Judge(problem_, completions).value();
  }
  cohort::v1::Score JudgeOne(const std::string& completion) { return Judge({completion})[0].scores[0]; }
  std::string NoVerdictReason(const std::string& completion) {
    const cohort::v1::Score score = JudgeOne(completion);
    EXPECT_EQ(score.outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
    return score.reason();
  }

  std::unique_ptr<Zygote> zygote_;
  cohort::v1::RewardSpec spec_;
  cohort::v1::Problem problem_;
};

TEST_F(CommandVerifierTest, ThreeOutcomesComeThrough) {
  SetPython(
      Program("if text == 'w': answer = {'id': request['id'], 'outcome': 'wrong', 'reason': 'not so'}\n"
              "if text == 'n': answer = {'id': request['id'], 'outcome': 'no_verdict', 'reason': 'busy'}\n"
              "if text == 'h': answer['value'] = 0.5"));
  const auto results = Judge({"g", "w", "n", "h"});
  EXPECT_EQ(results[0].reward, 1);
  EXPECT_EQ(results[1].scores[0].outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_EQ(results[1].scores[0].reason(), "not so");
  EXPECT_EQ(results[2].outcome, cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_EQ(results[2].scores[0].reason(), "busy");
  EXPECT_EQ(results[3].reward, 0.5);
}

TEST_F(CommandVerifierTest, RequestHasPromptCompletionAnswerAndRow) {
  SetPython(Program("answer['reason'] = json.dumps([request[k] for k in ('prompt', 'completion', 'answer', 'row')])"));
  EXPECT_EQ(JudgeOne("a\nb\"c").reason(),
            R"(["What is 2 + 2?", "a\nb\"c", "4", {"gold": "it is 4", "list": [1, {"a": null}]}])");
}

TEST_F(CommandVerifierTest, HostileTextArrivesAsValidJson) {
  SetPython(
      Program("answer['reason'] = str(len(text)) + ' ' + str(text.count('\\ufffd')) + ' ' + str(text.count('\\0'))"));
  EXPECT_EQ(JudgeOne(std::string("\0\xff\xfe", 3) + std::string(1 << 20, 'x')).reason(), "1048579 2 1");
}

TEST_F(CommandVerifierTest, WorkingDirectoryIsTheDataRootByDefault) {
  SetPython(Program("answer['reason'] = str(os.path.samefile(os.getcwd(), '" + ::testing::TempDir() + "'))"));
  EXPECT_EQ(JudgeOne("").reason(), "True");
  command()->set_working_directory("/usr");
  SetPython(Program("answer['reason'] = os.getcwd()"));
  EXPECT_EQ(JudgeOne("").reason(), "/usr");
}

TEST_F(CommandVerifierTest, GarbageIsNoVerdict) {
  const auto reason_for = [this](const std::string& answer) {
    SetArgv({"sh", "-c", "while read -r line; do " + answer + "; done"});
    return NoVerdictReason("x");
  };
  EXPECT_EQ(reason_for("echo Traceback"), "the program answered \"Traceback\", not a JSON object");
  EXPECT_EQ(reason_for("echo '[1]'"), "the program answered \"[1]\", not a JSON object");
  EXPECT_EQ(reason_for("echo"), "the program answered \"\", not a JSON object");
  EXPECT_EQ(reason_for(R"(echo '{"id":2,"outcome":"wrong"}')"),
            R"(the program answered "{"id":2,"outcome":"wrong"}" to the request with id 1)");
  EXPECT_EQ(reason_for(R"(echo '{"id":1,"outcome":"great"}')"),
            R"(the program answered outcome "great"; want graded, wrong or no_verdict)");
  for (const std::string value : {R"(,"value":1.5)", R"(,"value":-0.5)", R"(,"value":"1")", ""}) {
    EXPECT_EQ(
        reason_for(R"(echo '{"id":1,"outcome":"graded")" + value + "}'"),
        R"(the program answered "{"id":1,"outcome":"graded")" + value + R"(}", whose value is not within 0 and 1)");
  }
  EXPECT_EQ(reason_for("head -c 100000 /dev/zero | tr '\\0' x; echo"), "the answer is longer than 65536 bytes");
  EXPECT_EQ(reason_for("yes | tr -d '\\n'"), "the answer is longer than 65536 bytes");
}

TEST_F(CommandVerifierTest, EarlyExitIsNoVerdictWithStatusAndLastErrorLine) {
  SetArgv({"sh", "-c", "read line; echo loading >&2; echo no such module >&2; exit 3"});
  EXPECT_EQ(NoVerdictReason("x"), "the program exited with status 3; it last wrote \"no such module\"");
  SetArgv({"sh", "-c", "kill -SEGV $$"});
  EXPECT_EQ(NoVerdictReason("x"), "the program was killed by signal 11");
}

TEST_F(CommandVerifierTest, ProgramThatCannotStartIsNoVerdictByName) {
  SetArgv({"/no/such/program"});
  // The folder is the test's own and may be longer than what a reason shows of it.
  EXPECT_THAT(NoVerdictReason("x"), ::testing::AllOf(::testing::StartsWith("cannot start \"/no/such/program\" in \"/"),
                                                     ::testing::EndsWith("\": No such file or directory")));
  SetArgv({"true"});
  command()->set_working_directory("/no/such/folder");
  EXPECT_EQ(NoVerdictReason("x"), "cannot start \"true\" in \"/no/such/folder\": No such file or directory");
}

TEST_F(CommandVerifierTest, DeadlineKillsTheProgramAndWhatItStarted) {
  const std::string path = ::testing::TempDir() + "/pids";
  SetArgv({"sh", "-c",
           R"(
      id=0
      while read -r line; do
        id=$((id + 1))
        case "$line" in *hang*)
          sleep 1000 & echo $$ $! >> "$1"
          setsid sleep 1000 & echo $! >> "$1"
          timeout 1000 sleep 1000 & echo $! >> "$1"
          wait;;
        esac
        echo "{\"id\": $id, \"outcome\": \"graded\", \"value\": 1}"
      done)",
           "sh", path});
  spec_.mutable_verifiers(0)->mutable_deadline()->set_seconds(1);
  const auto results = Judge({"good", "hang", "good"});
  EXPECT_EQ(results[0].reward, 1);
  EXPECT_EQ(results[1].scores[0].reason(), "no verdict within the deadline of 1000 ms");
  EXPECT_EQ(results[2].reward, 1);
  std::ifstream file(path);
  int num_pids = 0;
  for (pid_t pid = 0; file >> pid; ++num_pids) EXPECT_TRUE(kill(pid, 0) != 0 && errno == ESRCH) << pid;
  EXPECT_EQ(num_pids, 8);  // the shell and its three children, at both attempts
}

TEST_F(CommandVerifierTest, AFaultIsTriedOnceMoreWithANewProgram) {
  const std::string path = ::testing::TempDir() + "/died_once";
  SetPython(Program("if not os.path.exists('" + path +
                    "'):\n"
                    "    open('" +
                    path +
                    "', 'w').close()\n"
                    "    sys.exit(1)"));
  const auto results = Judge({"a", "b", "c"});
  for (const RubricResult& result : results) EXPECT_EQ(result.reward, 1) << result.scores[0].reason();
}

TEST_F(CommandVerifierTest, MemoryIsLimited) {
  SetPython(Program("try: bytearray(200 << 20)\nexcept MemoryError: answer['reason'] = 'out of memory'"));
  EXPECT_EQ(JudgeOne("").reason(), "");
  command()->set_max_memory_bytes(100 << 20);
  EXPECT_EQ(JudgeOne("").reason(), "out of memory");
}

TEST_F(CommandVerifierTest, ChattyStandardErrorDoesNotBlock) {
  SetPython(Program("sys.stderr.write('x' * 1000000)"));
  EXPECT_EQ(JudgeOne("").value(), 1);
}

TEST_F(CommandVerifierTest, GoldCompletionComesFromTheAnswerOrAField) {
  SetPython(
      Program("if text != 'it is 4': answer = {'id': request['id'], 'outcome': 'wrong', 'reason': 'got ' + text}"));
  EXPECT_EQ(MakeRubric()->CheckGold(problem_).message(), "verifiers[0] (command): got 4 (4)");
  command()->set_gold_completion_field("gold");
  EXPECT_TRUE(MakeRubric()->CheckGold(problem_).ok());
  command()->set_gold_completion_field("golden");
  EXPECT_EQ(MakeRubric()->CheckGold(problem_).message(),
            "verifiers[0] (command): the row has no field \"golden\" with a gold completion (4)");
}

}  // namespace
}  // namespace cohort::reward
