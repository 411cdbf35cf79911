// SPDX-License-Identifier: Apache-2.0
// Every kind of bad input through the real binaries: one clear sentence with file, field and value, an exit code to
// match, and nothing half-done left behind.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/manifest.h"
#include "tests/end_to_end/real_binaries.h"
#include "tests/end_to_end/tiny_example.h"

namespace cohort::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class BadInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteTinyExample(example_.path());
    fs::create_directories(scratch_);
    setenv("TMPDIR", scratch_.c_str(), /*overwrite=*/1);
  }

  // Puts `text` where the valid job has `instead_of` and returns what `cohortctl validate` says. Checks what holds for
  // every refusal: exit code 2, one line, nothing left.
  std::string Refusal(const std::string& instead_of = "", const std::string& text = "") {
    const std::string valid = RlvrJobText("path: model");
    EXPECT_NE(valid.find(instead_of), std::string::npos);
    const std::string job = instead_of.empty() ? valid : absl::StrReplaceAll(valid, {{instead_of, text}});
    const std::string path = example_.Join("job.yaml");
    WriteText(path, job);
    const Finished finished = RunProgram({Binary("cli/cohortctl"), "validate", "-f", path, "--data_root",
                                          example_.path(), "--model_root", example_.path()},
                                         example_.Join(absl::StrCat("validate.log.", num_runs_++)));
    EXPECT_EQ(finished.exit.code, 2) << finished.text;
    EXPECT_EQ(std::count(finished.text.begin(), finished.text.end(), '\n'), 1) << finished.text;
    EXPECT_TRUE(fs::is_empty(scratch_)) << "validate left something in TMPDIR";
    EXPECT_THAT(finished.text, HasSubstr("job.yaml"));
    return finished.text;
  }
  void ReplaceRow(const std::string& file, int row, const std::string& text) {
    std::string content = ReadText(example_.Join("data/" + file));
    size_t begin = 0;
    for (int i = 0; i < row; ++i) begin = content.find('\n', begin) + 1;
    content.replace(begin, content.find('\n', begin) - begin, text);
    WriteText(example_.Join("data/" + file), content);
  }
  nlohmann::json ReadConfig() { return nlohmann::json::parse(ReadText(example_.Join("model/config.json"))); }
  void WriteConfig(const nlohmann::json& config) { WriteText(example_.Join("model/config.json"), config.dump()); }
  // Rewrites the JSON header of model.safetensors; data offsets stay valid relative to the data.
  void EditTensors(const std::function<void(nlohmann::json&)>& edit) {
    const std::string path = example_.Join("model/model.safetensors");
    const std::string bytes = ReadText(path);
    uint64_t header_bytes = 0;
    memcpy(&header_bytes, bytes.data(), 8);
    nlohmann::json header = nlohmann::json::parse(bytes.substr(8, header_bytes));
    edit(header);
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t size = text.size();
    WriteText(path, std::string(reinterpret_cast<const char*>(&size), 8) + text + bytes.substr(8 + header_bytes));
  }

  const common::TempDir example_;
  const std::string scratch_ = example_.Join("tmp");
  int num_runs_ = 0;
};

TEST_F(BadInputTest, UnspoiledJobIsValid) {
  WriteText(example_.Join("job.yaml"), RlvrJobText("path: model"));
  const Finished finished = RunProgram({Binary("cli/cohortctl"), "validate", "-f", example_.Join("job.yaml"),
                                        "--data_root", example_.path(), "--model_root", example_.path()},
                                       example_.Join("valid.log"));
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
}

TEST_F(BadInputTest, UnknownField) {
  EXPECT_THAT(Refusal("  groups_per_step: 8", "  groups_per_stepp: 8"),
              AllOf(HasSubstr("rlvr.rollout.groups_per_stepp"), HasSubstr("groups_per_step")));
}

TEST_F(BadInputTest, GroupSizeOneWithAGroupRelativeObjective) {
  EXPECT_THAT(Refusal("group_size: 4", "group_size: 1"), AllOf(HasSubstr("rlvr.rollout.group_size"), HasSubstr("(1)")));
}

TEST_F(BadInputTest, RowWithoutTheMappedField) {
  ReplaceRow("problems.jsonl", 6, R"({"prompt": "1+1=", "anser": 2})");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("problems.jsonl"), HasSubstr("row 6"), HasSubstr("answer")));
}

TEST_F(BadInputTest, RowWithInvalidUtf8) {
  ReplaceRow("problems.jsonl", 6, "{\"prompt\": \"1+\xff=\", \"answer\": 2}");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("problems.jsonl"), HasSubstr("row 6"), HasSubstr("UTF-8")));
}

TEST_F(BadInputTest, RowWithAnUnparsableGold) {
  ReplaceRow("problems.jsonl", 6, R"({"prompt": "1+1=", "answer": "two apples"})");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("row 6"), HasSubstr("two apples")));
}

TEST_F(BadInputTest, AbsentDataset) {
  EXPECT_THAT(Refusal("data/problems.jsonl", "data/absent.jsonl"),
              AllOf(HasSubstr("rlvr.data"), HasSubstr("absent.jsonl")));
}

TEST_F(BadInputTest, PromptLongerThanTheContext) {
  ReplaceRow("problems.jsonl", 6, absl::StrCat(R"({"prompt": ")", std::string(64, '1'), R"(", "answer": 2})"));
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("row 6"), HasSubstr("64")));
}

TEST_F(BadInputTest, AbsentModelFolder) {
  EXPECT_THAT(Refusal("path: model", "path: nowhere"), AllOf(HasSubstr("model.path"), HasSubstr("nowhere")));
}

TEST_F(BadInputTest, UnsupportedArchitecture) {
  auto config = ReadConfig();
  config["architectures"] = {"GPT2LMHeadModel"};
  WriteConfig(config);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("config.json"), HasSubstr("GPT2LMHeadModel"), HasSubstr("Qwen3ForCausalLM")));
}

TEST_F(BadInputTest, ModelWithAMissingTensor) {
  EditTensors([](nlohmann::json& header) {
    header["surplus"] = header["model.norm.weight"];
    header.erase("model.norm.weight");
  });
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("model.safetensors"), HasSubstr("model.norm.weight")));
}

TEST_F(BadInputTest, ModelWithATensorOfTheWrongShape) {
  EditTensors([](nlohmann::json& header) { header["model.norm.weight"]["shape"] = {2, 16}; });
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("model.norm.weight"), HasSubstr("32")));
}

TEST_F(BadInputTest, TruncatedSafetensorsFile) {
  const std::string path = example_.Join("model/model.safetensors");
  fs::resize_file(path, fs::file_size(path) - 100);
  EXPECT_THAT(Refusal(), HasSubstr("model.safetensors"));
}

// A loopback port that somebody else listens at.
class TakenPort {
 public:
  TakenPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 1) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      abort();  // no test without a port
    }
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~TakenPort() { close(socket_); }
  const std::string& Address() const { return address_; }

 private:
  const int socket_;
  std::string address_;
};

TEST_F(BadInputTest, PortInUseIsNamedByEveryProcess) {
  const TakenPort port;
  const std::string root = example_.path();
  const std::vector<std::vector<std::string>> commands = {
      {Binary("coordinator/cohort-coordinator"), "--listen", port.Address(), "--http_listen", "127.0.0.1:0",
       "--data_dir", example_.Join("state"), "--checkpoint_root", root, "--model_root", root, "--data_root", root},
      {Binary("coordinator/cohort-coordinator"), "--listen", "127.0.0.1:0", "--http_listen", port.Address(),
       "--data_dir", example_.Join("state"), "--checkpoint_root", root, "--model_root", root, "--data_root", root},
      {Binary("rollout_worker/cohort-rollout-worker"), "--http_listen", port.Address()},
      {Binary("learner/cohort-learner"), "--listen", port.Address(), "--http_listen", "127.0.0.1:0"},
      {Binary("learner/cohort-learner"), "--http_listen", port.Address()}};
  for (const auto& command : commands) {
    const Finished finished = RunProgram(command, example_.Join(absl::StrCat("port.log.", num_runs_++)));
    EXPECT_EQ(finished.exit.code, 1) << command[0] << ": " << finished.text;
    EXPECT_THAT(finished.text, HasSubstr(port.Address())) << command[0];
  }
}

TEST_F(BadInputTest, RefusedSubmitLeavesNoJobAndNoFolder) {
  const std::string path = example_.Join("job.yaml");
  WriteText(path, absl::StrReplaceAll(RlvrJobText("path: model"), {{"group_size: 4", "group_size: 1"}}));
  const std::string run_dir = example_.Join("run");
  const Finished finished = RunProgram({Binary("cli/cohortctl"), "local", "-f", path, "--run_dir", run_dir,
                                        "--data_root", example_.path(), "--model_root", example_.path()},
                                       example_.Join("local.log"));
  EXPECT_EQ(finished.exit.code, 2) << finished.text;
  EXPECT_THAT(finished.text, AllOf(HasSubstr("job.yaml: rlvr.rollout.group_size"), HasSubstr("(1)")));
  EXPECT_TRUE(fs::is_empty(run_dir + "/checkpoints"));
  EXPECT_FALSE(fs::exists(run_dir + "/summary.json"));
}

TEST_F(BadInputTest, LocalRefusesABadSecondFileBeforeItTrainsTheFirst) {
  const std::string path = example_.Join("second.yaml"), run_dir = example_.Join("run");
  WriteText(path, absl::StrReplaceAll(RlvrJobText("from_job: sft"), {{"group_size: 4", "group_size: 1"}}));
  const Finished finished =
      RunProgram({Binary("cli/cohortctl"), "local", "-f", example_.Join("sft.yaml"), "-f", path, "--run_dir", run_dir,
                  "--data_root", example_.path(), "--model_root", example_.path()},
                 example_.Join("local.log"));
  EXPECT_EQ(finished.exit.code, 2) << finished.text;
  EXPECT_THAT(finished.text, AllOf(HasSubstr("second.yaml: rlvr.rollout.group_size"), HasSubstr("(1)")));
  EXPECT_TRUE(fs::is_empty(run_dir + "/checkpoints"));
}

TEST_F(BadInputTest, FullDiskWhileACheckpointIsWrittenLeavesTheOlderOneValid) {
  const std::string command = "mount -t tmpfs -o size=1M tmpfs \"$1\"";
  const std::string checkpoints = example_.Join("run/checkpoints");
  fs::create_directories(checkpoints);
  const std::vector<std::string> namespaced = {"/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c"};
  auto probe = namespaced;
  probe.insert(probe.end(), {command, "sh", checkpoints});
  if (RunProgram(probe, example_.Join("probe.log")).exit.code != 0) {
    GTEST_SKIP() << "no small file system can be mounted here: " << ReadText(example_.Join("probe.log"));
  }
  // A checkpoint takes about 0.4 MB: two fit, the third does not. Keeping all of them fills the disk.
  const std::string path = example_.Join("job.yaml");
  WriteText(path,
            absl::StrReplaceAll(RlvrJobText("path: model"), {{"every_steps: 4", "every_steps: 1\n  keep_last: 100"}}));
  auto run = namespaced;
  run.insert(run.end(), {absl::StrCat(command,
                                      " && \"$2\" local -f \"$3\" --run_dir \"$4\" --data_root \"$5\" "
                                      "--model_root \"$5\"; code=$?; cp -r \"$1\" \"$5/saved\"; exit $code"),
                         "sh", checkpoints, Binary("cli/cohortctl"), path, example_.Join("run"), example_.path()});
  const Finished finished = RunProgram(run, example_.Join("full.log"));
  EXPECT_EQ(finished.exit.code, 5) << finished.text;
  EXPECT_THAT(finished.text, AllOf(HasSubstr("rank 0: namespaces/default/jobs/job: checkpoint of version"),
                                   HasSubstr("not sealed"), HasSubstr("No space left on device")));
  int num_valid = 0;
  for (const auto& entry : fs::directory_iterator(example_.Join("saved/default/job/checkpoints"))) {
    const auto manifest = learner::VerifyManifest(entry.path().string());
    EXPECT_TRUE(manifest.ok()) << entry.path() << ": " << manifest.status();
    num_valid += manifest.ok();
  }
  EXPECT_GE(num_valid, 1);
}

}  // namespace
}  // namespace cohort::tests
