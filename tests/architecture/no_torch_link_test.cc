// SPDX-License-Identifier: Apache-2.0
// The coordinator and the command line run where there is no LibTorch, so they must not ask the loader for it.
#include <gtest/gtest.h>
#include <stdio.h>

#include <cstdlib>
#include <string>

namespace cohort::tests {
namespace {

// What the loader would load for the binary at `path` in the runfiles.
std::string LoadedLibraries(const std::string& path) {
  const std::string command =
      std::string("ldd ") + std::getenv("TEST_SRCDIR") + "/" + std::getenv("TEST_WORKSPACE") + "/" + path + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  EXPECT_TRUE(pipe != nullptr && pclose(pipe) == 0) << command << "\n" << output;
  return output;
}

bool HasTorch(const std::string& libraries) {
  return libraries.find("libtorch") != std::string::npos || libraries.find("libc10") != std::string::npos;
}

TEST(NoTorchLinkTest, CoordinatorLoadsNoTorch) {
  const std::string libraries = LoadedLibraries("coordinator/cohort-coordinator");
  EXPECT_NE(libraries.find("libgrpc++"), std::string::npos) << libraries;
  EXPECT_FALSE(HasTorch(libraries)) << libraries;
}

TEST(NoTorchLinkTest, CommandLineLoadsNoTorch) {
  const std::string libraries = LoadedLibraries("cli/cohortctl");
  EXPECT_NE(libraries.find("libgrpc++"), std::string::npos) << libraries;
  EXPECT_FALSE(HasTorch(libraries)) << libraries;
}

TEST(NoTorchLinkTest, TheCheckSeesTorchInTheLearner) {
  EXPECT_TRUE(HasTorch(LoadedLibraries("learner/cohort-learner")));
}

}  // namespace
}  // namespace cohort::tests
