// SPDX-License-Identifier: Apache-2.0
// download and logs as command lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/log_output.h"
#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/files.h"

namespace cohort::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kName[] = "namespaces/default/jobs/demo";

cohort::v1::LogLine LineOf(int64_t sequence, const std::string& text,
                           cohort::v1::LogLevel level = cohort::v1::LOG_LEVEL_WARNING) {
  cohort::v1::LogLine line;
  line.set_sequence(sequence);
  line.set_role(cohort::v1::PROCESS_ROLE_ROLLOUT_WORKER);
  line.set_process("worker-0");
  line.mutable_record()->mutable_time()->set_seconds(1'700'000'000);
  line.mutable_record()->mutable_time()->set_nanos(250'000'000);
  line.mutable_record()->set_level(level);
  line.mutable_record()->set_job(kName);
  line.mutable_record()->set_text(text);
  return line;
}

class RemoteVerbsTest : public VerbFixture {
 protected:
  void SetUp() override {
    AddJob("demo", cohort::v1::JOB_STATE_SUCCEEDED);
    cohort::v1::Checkpoint checkpoint;
    checkpoint.set_name(std::string(kName) + "/checkpoints/12");
    checkpoint.set_digest(std::string(32, '\xAB'));
    checkpoint.set_exists(true);
    service_.SetCheckpoints({checkpoint});
    service_.SetFiles({{"config.json", "{}"}, {"model.safetensors", "weights"}}, /*chunk_bytes=*/3);
  }
};

TEST_F(RemoteVerbsTest, DownloadMakesTheFolderAndPrintsIt) {
  const std::string target = dir_.Join("model");
  EXPECT_EQ(Run({"download", "demo", "--checkpoint", "12", "--output", target}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), target + "\n");
  EXPECT_EQ(err_.str(), "") << "no progress where nobody looks";
  EXPECT_EQ(*common::ReadFile(target + "/model.safetensors"), "weights");
  EXPECT_EQ(Run({"download", "demo", "--output", target}), common::kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("is there already"));
  EXPECT_EQ(Run({"download", "demo", "--for_inference", "--output", target + "2"}), common::kExitOk) << err_.str();
  EXPECT_TRUE(service_.Downloads().back().for_inference());
}

TEST_F(RemoteVerbsTest, DownloadOfWhatIsNotThereOrCannotBeIsRefused) {
  const std::string target = dir_.Join("model");
  EXPECT_EQ(Run({"download", "demo", "--checkpoint", "13", "--output", target}), common::kExitNotFound);
  for (const std::string checkpoint : {"-1", "newest", "../1", ""}) {
    EXPECT_EQ(Run({"download", "demo", "--checkpoint=" + checkpoint, "--output", target}), common::kExitUsage)
        << checkpoint;
  }
  EXPECT_EQ(Run({"download", "demo"}), common::kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(RemoteVerbsTest, LogsAreLinesOfText) {
  cohort::v1::LogLine second = LineOf(2, "tick i=1", cohort::v1::LOG_LEVEL_INFO);
  second.set_num_lost_before(3);
  service_.SetLogs(kName, {LineOf(1, "lease_lost group=7"), second});
  EXPECT_EQ(Run({"logs", "demo"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "2023-11-14T22:13:20.250Z warning worker-0 lease_lost group=7\n"
            "(3 lines of worker-0 lost)\n"
            "2023-11-14T22:13:20.250Z info worker-0 tick i=1\n");
  EXPECT_EQ(Run({"logs", "demo", "-f", "-o", "json"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("\"text\":\"lease_lost group=7\""));
}

TEST_F(RemoteVerbsTest, FlagsOfLogsAreWhatTheRequestSays) {
  EXPECT_EQ(Run({"logs", "demo", "--follow", "--role", "worker", "--process", "worker-0", "--level", "warning",
                 "--tail", "7", "--since", "10m"}),
            common::kExitOk)
      << err_.str();
  ASSERT_FALSE(service_.LogWatches().empty());
  const cohort::v1::WatchLogsRequest request = service_.LogWatches().back();
  EXPECT_EQ(request.name(), kName);
  EXPECT_TRUE(request.follow());
  EXPECT_EQ(request.role(), cohort::v1::PROCESS_ROLE_ROLLOUT_WORKER);
  EXPECT_EQ(request.process(), "worker-0");
  EXPECT_EQ(request.min_level(), cohort::v1::LOG_LEVEL_WARNING);
  EXPECT_EQ(request.tail(), 7);
  EXPECT_EQ(request.since().seconds(), 600);
  EXPECT_EQ(Run({"logs", "demo"}), common::kExitOk);
  EXPECT_EQ(service_.LogWatches().back().tail(), 100);
  EXPECT_FALSE(service_.LogWatches().back().has_since());
}

TEST_F(RemoteVerbsTest, TailIsCountedAsByKubectl) {
  service_.SetLogs(kName, {LineOf(1, "old"), LineOf(2, "older than the watch")});
  EXPECT_EQ(Run({"logs", "demo", "--tail", "-1"}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.LogWatches().back().tail(), 0) << "all";
  EXPECT_THAT(out_.str(), HasSubstr(" old\n"));
  EXPECT_EQ(Run({"logs", "demo", "--tail", "0"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(Run({"logs", "demo", "--tail=0", "--follow"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "");
  const cohort::v1::WatchLogsRequest request = service_.LogWatches().back();
  EXPECT_TRUE(request.follow());
  EXPECT_EQ(request.resume_token(), 2);
  EXPECT_EQ(Run({"logs", "nobody", "--tail", "0"}), common::kExitNotFound);
}

TEST_F(RemoteVerbsTest, LogsOfNobodyAndWrongFlagsAreRefused) {
  EXPECT_EQ(Run({"logs", "nobody"}), common::kExitNotFound);
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--role", "cook"}, {"--level", "loud"}, {"--tail", "-2"}, {"--since", "soon"}, {"--since", "-1m"}}) {
    std::vector<std::string> arguments = {"logs", "demo"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(Run(arguments), common::kExitUsage) << flags[0] << " " << flags[1];
  }
}

TEST(LogOutputTest, ErrorsAreRedWhereColourIsAllowedAndTextCannotCommandATerminal) {
  const cohort::v1::LogLine line = LineOf(1, "odd text=\033[2J", cohort::v1::LOG_LEVEL_ERROR);
  const std::string plain = FormatLogLine(line, OutputFormat::kTable, {});
  EXPECT_THAT(plain, Not(HasSubstr("\033")));
  EXPECT_THAT(plain, HasSubstr(" error worker-0 odd text=\\x1b[2J\n"));
  const std::string colored = FormatLogLine(line, OutputFormat::kTable, {.out_has_color = true});
  EXPECT_THAT(colored, HasSubstr(" \033[31merror\033[0m worker-0 "));
}

}  // namespace
}  // namespace cohort::cli
