// SPDX-License-Identifier: Apache-2.0
// Checkpoints and log lines of whole jobs, through the real services on loopback.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/coordinator_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/manifest_text.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RemoteReadingTest : public CoordinatorFixture {
 protected:
  // An RLVR job that has ended, whose newest checkpoint holds one large file and one small one.
  std::string RunJob(const std::string& id) {
    const std::string job = Submit(id, SmallRlvrSpec());
    StartWorkers(1, FirstSiblingIsRight());
    StartLearners(1);
    WatchToEnd(job);
    EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
    // The learner seals again with its stop, after the job's end: then it waits for the next gang.
    while (loopback_.coordinator().gangs().NumWaiting() < 1) std::this_thread::yield();
    const std::string path = Get(job).checkpoint_path();
    std::ofstream(path + "/model.safetensors") << weights_;
    std::ofstream(path + "/optimizer.safetensors") << "moments";
    std::ofstream(path + "/manifest.json") << ManifestText(
        3, {ManifestEntry("model.safetensors", weights_), ManifestEntry("optimizer.safetensors", "moments")});
    return job;
  }
  // Sends the next `count` lines of worker w about `job`, in a heartbeat that the worker may not have registered for.
  void Log(const std::string& job, int count) {
    cohort::v1::WorkerHeartbeatRequest request;
    request.mutable_worker()->set_worker_id("w");
    request.mutable_log()->set_start_id(7);
    request.mutable_log()->set_first_number(num_logged_ + 1);
    for (int i = 0; i < count; ++i) {
      cohort::v1::LogRecord& record = *request.mutable_log()->add_lines();
      record.set_job(job);
      record.set_level(cohort::v1::LOG_LEVEL_WARNING);
      record.set_text(absl::StrCat("line ", ++num_logged_));
    }
    grpc::ClientContext context;
    cohort::v1::WorkerHeartbeatResponse response;
    (void)loopback_.Connect().rollouts->Heartbeat(&context, request, &response);  // lines count whatever it answers
  }
  // Texts of worker w.
  std::vector<std::string> Logs(const std::string& job, int64_t resume_token = 0) {
    cohort::v1::WatchLogsRequest request;
    request.set_name(job);
    request.set_process("w");
    request.set_resume_token(resume_token);
    grpc::ClientContext context;
    const CoordinatorStubs stubs = loopback_.Connect();
    const auto reader = stubs.jobs->WatchLogs(&context, request);
    std::vector<std::string> texts;
    cohort::v1::LogLine line;
    while (reader->Read(&line)) {
      texts.push_back(line.record().text());
      last_sequence_ = line.sequence();
    }
    log_status_ = reader->Finish();
    return texts;
  }

  const std::string weights_ = std::string(3'000'000, 'w');
  int64_t num_logged_ = 0;
  int64_t last_sequence_ = 0;
  grpc::Status log_status_;
};

TEST_F(RemoteReadingTest, NewestCheckpointIsStreamedInPieces) {
  const std::string job = RunJob("sums");
  cohort::v1::DownloadCheckpointRequest request;
  request.set_name(job + "/checkpoints/latest");
  cohort::v1::HeldFile& held = *request.add_held();
  held.set_name("model.safetensors");
  held.set_num_bytes(1000);
  grpc::ClientContext context;
  const CoordinatorStubs stubs = loopback_.Connect();
  const auto reader = stubs.jobs->DownloadCheckpoint(&context, request);
  cohort::v1::DownloadCheckpointResponse part;
  ASSERT_TRUE(reader->Read(&part));
  EXPECT_EQ(part.listing().name(), job + "/checkpoints/3");
  ASSERT_EQ(part.listing().files_size(), 3);
  EXPECT_EQ(part.listing().files(0).sha256(), common::HexOf(common::Sha256Of(weights_)));
  std::vector<std::string> contents = {weights_.substr(0, 1000), "", ""};
  while (reader->Read(&part)) {
    ASSERT_EQ(part.chunk().offset(), static_cast<int64_t>(contents[part.chunk().file()].size()));
    contents[part.chunk().file()] += part.chunk().data();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(contents[0], weights_);
  EXPECT_EQ(contents[1], "moments");
  EXPECT_THAT(contents[2], HasSubstr("weight_digest"));
}

TEST_F(RemoteReadingTest, CheckpointThatIsGoneIsNamedAndDownloadsAreCounted) {
  const std::string job = RunJob("sums");
  std::filesystem::remove_all(Get(job).checkpoint_path());
  const CoordinatorStubs stubs = loopback_.Connect();
  for (const std::string& name : {job + "/checkpoints/3", job + "/checkpoints/77",
                                  std::string("namespaces/default/jobs/nobody/checkpoints/latest")}) {
    cohort::v1::DownloadCheckpointRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    const auto reader = stubs.jobs->DownloadCheckpoint(&context, request);
    cohort::v1::DownloadCheckpointResponse part;
    EXPECT_FALSE(reader->Read(&part));
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND) << name;
  }
  EXPECT_EQ(loopback_.coordinator().context().metrics->DownloadsOpen().Value(), 0);
}

TEST_F(RemoteReadingTest, LinesOfHeartbeatsAreThoseOfTheirJob) {
  const std::string first = Submit("first", SmallRlvrSpec());
  const std::string second = Submit("second", SmallRlvrSpec());
  Log(first, 2);
  Log(second, 1);
  EXPECT_THAT(Logs(first), ElementsAre("line 1", "line 2"));
  EXPECT_THAT(Logs(second), ElementsAre("line 3"));
  EXPECT_TRUE(log_status_.ok());
  EXPECT_THAT(Logs("namespaces/default/jobs/nobody"), IsEmpty());
  EXPECT_EQ(log_status_.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(RemoteReadingTest, RankHeartbeatsBringLinesAlsoOfAGangThatIsOver) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  cohort::v1::RankHeartbeatRequest request;
  request.set_learner_id("w");
  request.set_job(job);
  request.set_incarnation(99);
  request.mutable_log()->set_start_id(1);
  request.mutable_log()->set_first_number(1);
  request.mutable_log()->add_lines()->set_job(job);
  request.mutable_log()->mutable_lines(0)->set_text("gang lost");
  grpc::ClientContext context;
  cohort::v1::RankHeartbeatResponse response;
  EXPECT_FALSE(loopback_.Connect().learners->Heartbeat(&context, request, &response).ok());
  EXPECT_THAT(Logs(job), ElementsAre("gang lost"));
}

TEST_F(RemoteReadingTest, FollowedLogsGoOnWithNewLines) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  Log(job, 1);
  cohort::v1::WatchLogsRequest request;
  request.set_name(job);
  request.set_process("w");
  request.set_follow(true);
  grpc::ClientContext context;
  const CoordinatorStubs stubs = loopback_.Connect();
  const auto reader = stubs.jobs->WatchLogs(&context, request);
  cohort::v1::LogLine line;
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(reader->Read(&line));
    EXPECT_EQ(line.record().text(), absl::StrCat("line ", i));
    Log(job, 1);
  }
  EXPECT_EQ(loopback_.coordinator().context().metrics->WatchesOpen().Value(), 1);
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(RemoteReadingTest, WatchGoesOnOverARestartWithWhatIsNew) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  Log(job, 2);
  EXPECT_THAT(Logs(job), ElementsAre("line 1", "line 2"));
  loopback_.Kill();
  loopback_.Start();
  EXPECT_THAT(Logs(job, last_sequence_), IsEmpty()) << "lines are in memory alone";
  Log(job, 1);
  EXPECT_THAT(Logs(job, last_sequence_), ElementsAre("line 3"));
}

TEST_F(RemoteReadingTest, DeletedJobTakesItsLinesAlong) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  Log(job, 2);
  ASSERT_OK(loopback_.coordinator().jobs().Cancel(job));
  cohort::v1::DeleteJobRequest request;
  request.set_name(job);
  ASSERT_OK(loopback_.coordinator().jobs().Delete(request));
  EXPECT_EQ(loopback_.coordinator().context().metrics->LogBytes().Value(), 0);
  Log(job, 2);
  EXPECT_EQ(loopback_.coordinator().context().metrics->LogBytes().Value(), 0) << "what comes late is about nothing";
  Submit("sums", SmallRlvrSpec());
  EXPECT_THAT(Logs(job), IsEmpty());
}

}  // namespace
}  // namespace cohort::coordinator
