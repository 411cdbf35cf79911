// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator_flags.h"

#include <vector>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

std::optional<CoordinatorFlags> Parse(std::vector<const char*> arguments, int* exit_code) {
  arguments.insert(arguments.begin(), "cohort-coordinator");
  return ParseCoordinatorFlags(static_cast<int>(arguments.size()), arguments.data(), exit_code);
}

TEST(CoordinatorFlagsTest, DefaultsListenOnLoopbackOnly) {
  int exit_code = -1;
  const auto flags = Parse({}, &exit_code);
  ASSERT_TRUE(flags.has_value());
  EXPECT_EQ(flags->listen, "127.0.0.1:7070");
  EXPECT_EQ(flags->http_listen, "127.0.0.1:0");
  EXPECT_FALSE(flags->enable_reflection);
  EXPECT_EQ(flags->stop_seconds, 3600);
  EXPECT_EQ(flags->max_jobs_per_namespace, 0) << "no limit";
  EXPECT_EQ(flags->max_ranks_per_namespace, 0) << "no limit";
  EXPECT_EQ(flags->learner_memory_gib, 0) << "not known";
}

TEST(CoordinatorFlagsTest, LimitsOfNamespacesAreTaken) {
  int exit_code = -1;
  const auto flags = Parse({"--max_jobs_per_namespace=20", "--max_ranks_per_namespace", "8"}, &exit_code);
  ASSERT_TRUE(flags.has_value());
  EXPECT_EQ(flags->max_jobs_per_namespace, 20);
  EXPECT_EQ(flags->max_ranks_per_namespace, 8);
}

TEST(CoordinatorFlagsTest, FlagsAreTaken) {
  int exit_code = -1;
  const auto flags = Parse({"--listen", "0.0.0.0:1", "--lease_seconds=2.5", "--stop_seconds=90", "--enable_reflection",
                            "--max_upload_bytes=4096", "--learner_memory_gib=23.5"},
                           &exit_code);
  ASSERT_TRUE(flags.has_value());
  EXPECT_EQ(flags->listen, "0.0.0.0:1");
  EXPECT_EQ(flags->lease_seconds, 2.5);
  EXPECT_EQ(flags->stop_seconds, 90);
  EXPECT_TRUE(flags->enable_reflection);
  EXPECT_EQ(flags->max_upload_bytes, 4096);
  EXPECT_EQ(flags->learner_memory_gib, 23.5);
}

TEST(CoordinatorFlagsTest, PathsAreConfinedUnlessSaidOtherwise) {
  int exit_code = -1;
  const auto flags = Parse({"--allowed_root", "/a", "--allowed_root", "/b"}, &exit_code);
  ASSERT_TRUE(flags.has_value());
  EXPECT_TRUE(flags->confine_paths);
  EXPECT_EQ(flags->allowed_roots, (std::vector<std::string>{"/a", "/b"}));
  const auto open = Parse({"--confine_paths=false"}, &exit_code);
  ASSERT_TRUE(open.has_value());
  EXPECT_FALSE(open->confine_paths);
}

TEST(CoordinatorFlagsTest, CommandVerifiersAreOfSubmittersUnlessSaidOtherwise) {
  int exit_code = -1;
  EXPECT_EQ(Parse({}, &exit_code)->command_verifiers, CommandVerifierUse::kSubmitters);
  EXPECT_EQ(Parse({"--command_verifiers=admins"}, &exit_code)->command_verifiers, CommandVerifierUse::kAdmins);
  EXPECT_EQ(Parse({"--command_verifiers", "off"}, &exit_code)->command_verifiers, CommandVerifierUse::kOff);
}

TEST(CoordinatorFlagsTest, WatchesAreBoundedUnlessSaidOtherwise) {
  int exit_code = -1;
  const auto flags = Parse({"--max_watches=0", "--max_watches_per_caller", "7"}, &exit_code);
  ASSERT_TRUE(flags.has_value());
  EXPECT_EQ(flags->watches.max_open, 0) << "no limit";
  EXPECT_EQ(flags->watches.max_open_per_caller, 7);
  EXPECT_GT(Parse({}, &exit_code)->watches.max_open, 0);
  const auto downloads = Parse({"--max_downloads=3", "--max_downloads_per_caller", "0"}, &exit_code);
  ASSERT_TRUE(downloads.has_value());
  EXPECT_EQ(downloads->downloads.max_open, 3);
  EXPECT_EQ(downloads->downloads.max_open_per_caller, 0);
}

TEST(CoordinatorFlagsTest, BadCommandLinesExitWithTwo) {
  const std::vector<std::vector<const char*>> bad = {{"--bogus"},
                                                     {"positional"},
                                                     {"--lease_seconds", "0"},
                                                     {"--stop_seconds", "0"},
                                                     {"--max_upload_bytes", "-1"},
                                                     {"--log_level", "loud"},
                                                     {"--command_verifiers", "on"},
                                                     {"--max_watches", "-1"},
                                                     {"--max_watches_per_caller", "-1"},
                                                     {"--max_downloads", "-1"},
                                                     {"--max_jobs_per_namespace", "-1"},
                                                     {"--max_ranks_per_namespace", "many"},
                                                     {"--learner_memory_gib", "-1"},
                                                     {"--learner_memory_gib", "16Gi"},
                                                     {"--listen"},
                                                     {"--listen", "nonsense"},
                                                     {"--http_listen", "127.0.0.1:99999"}};
  for (const auto& arguments : bad) {
    int exit_code = -1;
    EXPECT_FALSE(Parse(arguments, &exit_code).has_value()) << arguments[0];
    EXPECT_EQ(exit_code, 2) << arguments[0];
  }
}

TEST(CoordinatorFlagsTest, HelpExitsWithZero) {
  int exit_code = -1;
  EXPECT_FALSE(Parse({"--help"}, &exit_code).has_value());
  EXPECT_EQ(exit_code, 0);
}

}  // namespace
}  // namespace cohort::coordinator
