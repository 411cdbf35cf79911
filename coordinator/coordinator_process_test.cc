// SPDX-License-Identifier: Apache-2.0
// The binary as an operator meets it: flags, exit codes, signals.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kBinary[] = "coordinator/cohort-coordinator";

// A child whose standard error is read line by line.
class Child final {
 public:
  explicit Child(std::vector<std::string> arguments) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    arguments.insert(arguments.begin(), kBinary);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDERR_FILENO);
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execv(kBinary, argv.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Child() {
    fclose(output_);
    if (!is_reaped_) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  // Reads until a line has `text`; everything read so far when the output ended before.
  std::string ReadUntil(const std::string& text) {
    char line[4096];
    while (fgets(line, sizeof(line), output_) != nullptr) {
      read_ += line;
      if (std::string(line).find(text) != std::string::npos) break;
    }
    return read_;
  }
  void Signal(int number) { kill(pid_, number); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    is_reaped_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  bool is_reaped_ = false;
  FILE* output_ = nullptr;
  std::string read_;
};

class CoordinatorProcessTest : public ::testing::Test {
 protected:
  std::vector<std::string> Arguments(const std::string& data, const std::string& listen = "127.0.0.1:0") {
    return {"--listen",          listen,
            "--data_dir",        folder_.Join(data),
            "--checkpoint_root", folder_.Join("runs"),
            "--address_file",    folder_.Join(data + ".address")};
  }
  common::TempDir folder_;
};

TEST_F(CoordinatorProcessTest, ServesAtTheWrittenAddressesAndEndsOnSigtermWithZero) {
  Child child(Arguments("a"));
  ASSERT_THAT(child.ReadUntil("serving"), HasSubstr("serving grpc="));
  child.Signal(SIGTERM);
  EXPECT_THAT(child.ReadUntil("drained"), HasSubstr("drained complete=true"));
  EXPECT_EQ(child.Wait(), 0);
  const auto addresses = common::ReadFile(folder_.Join("a.address"));
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_THAT(*addresses, MatchesRegex("grpc=127\\.0\\.0\\.1:[0-9]+\nhttp=127\\.0\\.0\\.1:[0-9]+\n"));
}

TEST_F(CoordinatorProcessTest, PortInUseIsOneSentenceWithTheAddress) {
  Child first(Arguments("a"));
  const std::string log = first.ReadUntil("serving");
  const size_t at = log.find("grpc=") + 5;
  const std::string address = log.substr(at, log.find(' ', at) - at);
  Child second(Arguments("b", address));
  EXPECT_THAT(second.ReadUntil("cohort-coordinator: "), HasSubstr(address));
  EXPECT_EQ(second.Wait(), 1);
}

TEST_F(CoordinatorProcessTest, DataFolderInUseIsOneSentenceWithThePath) {
  Child first(Arguments("a"));
  ASSERT_THAT(first.ReadUntil("serving"), HasSubstr("serving"));
  Child second(Arguments("a"));
  EXPECT_THAT(second.ReadUntil("cohort-coordinator: "), HasSubstr(folder_.Join("a") + "/coordinator.sqlite"));
  EXPECT_EQ(second.Wait(), 1);
}

TEST_F(CoordinatorProcessTest, UnknownFlagExitsWithTwo) {
  Child child({"--bogus"});
  EXPECT_THAT(child.ReadUntil("--bogus"), HasSubstr("--bogus"));
  EXPECT_EQ(child.Wait(), 2);
}

}  // namespace
}  // namespace cohort::coordinator
