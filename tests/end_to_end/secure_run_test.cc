// SPDX-License-Identifier: Apache-2.0
// The four real binaries over mutual TLS with tokens from files: a job is submitted, trained and finished, weights
// included, and whoever has the wrong token or no certificate is refused in one sentence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cohort/v1/weights.grpc.pb.h"
#include "common/clock.h"
#include "common/security/client_security.h"
#include "common/security/testing/test_authority.h"
#include "common/testing/temp_dir.h"
#include "tests/end_to_end/real_binaries.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using security::ClientSecurity;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

class SecureRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteTinyExample(dir_.path());
    WriteText(dir_.Join("job.yaml"), ShortRlvrJobText());
    security::WriteSecret(Path("ca.pem"), authority_.Certificate());
    for (const char* name : {"coordinator", "learner", "worker", "user"}) {
      const security::TestIdentity identity = authority_.Issue();
      security::WriteSecret(Path(absl::StrCat(name, ".pem")), identity.certificate);
      security::WriteSecret(Path(absl::StrCat(name, ".key")), identity.key);
    }
    std::string table;
    for (const auto& [role, namespaces] :
         std::map<std::string, std::string>{{"worker", ""}, {"submitter", "default"}, {"viewer", "default"}}) {
      const std::string token = absl::StrCat(role, "-token-of-this-test-0123456789");
      security::WriteSecret(Path(role + ".token"), token);
      absl::StrAppend(&table, token, " ", role, namespaces.empty() ? "" : " ", namespaces, "\n");
      // A learner needs those of workers alone.
      if (role == "worker") security::WriteSecret(Path("worker-tokens"), absl::StrCat(token, " worker\n"));
    }
    security::WriteSecret(Path("tokens"), table);
  }

  std::string Path(const std::string& name) const { return dir_.Join(name); }
  std::vector<std::string> ServerFlags(const std::string& name, const std::string& tokens) const {
    return {"--tls_certificate", Path(name + ".pem"), "--tls_key", Path(name + ".key"),
            "--tls_client_ca",   Path("ca.pem"),      "--tokens",  Path(tokens)};
  }
  std::vector<std::string> ClientFlags(const std::string& name, const std::string& role) const {
    return {"--tls_ca",          Path("ca.pem"), "--tls_client_certificate", Path(name + ".pem"), "--tls_client_key",
            Path(name + ".key"), "--token_file", Path(role + ".token")};
  }
  static std::vector<std::string> Together(std::vector<std::string> first,
                                           const std::vector<std::vector<std::string>>& others) {
    for (const auto& other : others) first.insert(first.end(), other.begin(), other.end());
    return first;
  }

  void StartCoordinator() {
    coordinator_ = std::make_unique<RunningProgram>(
        Together({Binary("coordinator/cohort-coordinator"), "--listen", "127.0.0.1:0", "--data_dir", Path("state"),
                  "--checkpoint_root", Path("runs"), "--model_root", dir_.path(), "--data_root", dir_.path(),
                  "--lease_seconds", "5", "--address_file", Path("address")},
                 {ServerFlags("coordinator", "tokens")}),
        Path("coordinator.log"));
    ASSERT_TRUE(WaitUntil([this] { return !AddressIn(Path("address"), "grpc").empty(); },
                          [this] { return coordinator_->HasEnded(); }))
        << coordinator_->Text();
    server_ = AddressIn(Path("address"), "grpc");
  }
  std::vector<std::string> LearnerCommand(const std::string& id, const std::string& role) const {
    return Together({Binary("learner/cohort-learner"), "--coordinator", server_, "--learner_id", id, "--host",
                     "127.0.0.1", "--listen", "127.0.0.1:0"},
                    {ServerFlags("learner", "worker-tokens"), ClientFlags("learner", role)});
  }
  std::vector<std::string> WorkerCommand(const std::string& id, const std::string& role) const {
    // Otherwise it would take the weights from the learner's shared memory.
    // A worker that has no trouble tells of its job at level debug alone.
    return Together({Binary("rollout_worker/cohort-rollout-worker"), "--coordinator", server_, "--worker_id", id,
                     "--allow_shared_memory", "false", "--log_level", "debug"},
                    {ClientFlags("worker", role)});
  }
  Finished Cohortctl(const std::string& role, const std::vector<std::string>& arguments) {
    const std::string log = Path(absl::StrCat("cohortctl-", ++num_calls_, ".log"));
    return RunProgram(Together({Binary("cli/cohortctl"), "--server", server_}, {ClientFlags("user", role), arguments}),
                      log);
  }
  // The word behind `key`; empty without one.
  static std::string After(const std::string& key, const std::string& text) {
    const size_t begin = text.find(key);
    if (begin == std::string::npos) return "";
    const size_t end = text.find_first_of(" \n", begin);
    return end == std::string::npos ? "" : text.substr(begin + key.size(), end - begin - key.size());
  }
  // What the learner's WeightService says to a caller with these files.
  grpc::Status AskForWeights(const std::string& address, const security::ClientSecurityFiles& files) {
    const auto security = ClientSecurity::Create(files, common::SystemClock());
    EXPECT_TRUE(security.ok()) << security.status();
    const auto stub = cohort::v1::WeightService::NewStub((*security)->OpenChannel(address));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    cohort::v1::GetManifestRequest request;
    request.set_job("namespaces/default/jobs/nothing");
    cohort::v1::WeightManifest manifest;
    return stub->GetManifest(&context, request, &manifest);
  }

  // A copy that was sent over mutual TLS is, byte for byte, the folder that the learner has sealed.
  void CompareDownloadWithRunFolder() {
    const Finished got = Cohortctl("viewer", {"download", "job", "--output", Path("copy")});
    ASSERT_EQ(got.exit.code, 0) << got.text;
    const std::string sealed = Path("runs/default/job/checkpoints/step-000002");
    EXPECT_EQ(FilesIn(Path("copy")), FilesIn(sealed));
    EXPECT_THAT(FilesIn(Path("copy")), AllOf(Contains(Key("model.safetensors")), Contains(Key("manifest.json"))));
    const Finished again = Cohortctl("viewer", {"download", "job", "--output", Path("copy")});
    EXPECT_EQ(again.exit.code, 1);
    EXPECT_THAT(again.text, HasSubstr("is there already"));
    const Finished small = Cohortctl("viewer", {"download", "job", "--for_inference", "--output", Path("small")});
    ASSERT_EQ(small.exit.code, 0) << small.text;
    EXPECT_THAT(FilesIn(Path("small")),
                AllOf(Contains(Key("model.safetensors")), Not(Contains(Key("optimizer.safetensors")))));
  }
  // Both servers say until when their certificates hold, which are of ten days.
  void ExpectExpiryIsMeasured(const std::string& learner_log) {
    const std::string metric = "cohort_tls_certificate_not_after_timestamp_seconds";
    const double in_nine_days = absl::ToDoubleSeconds(absl::Now() + absl::Hours(9 * 24) - absl::UnixEpoch());
    const std::string coordinator = AddressIn(Path("address"), "http");
    EXPECT_GT(MetricSum(coordinator, metric, "coordinator.pem\""), in_nine_days);
    EXPECT_GT(MetricSum(coordinator, metric, "ca.pem\""), in_nine_days);
    EXPECT_GT(MetricSum(After("http=", learner_log), metric, "learner.pem\""), in_nine_days);
  }
  // What is in a folder, by name.
  static std::map<std::string, std::string> FilesIn(const std::string& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      files[entry.path().filename().string()] = ReadText(entry.path().string());
    }
    return files;
  }

  common::TempDir dir_;
  const security::TestAuthority authority_{"test"};
  std::unique_ptr<RunningProgram> coordinator_;
  std::string server_;
  int num_calls_ = 0;
};

TEST_F(SecureRunTest, JobIsTrainedOverMutualTlsAndStrangersAreRefused) {
  ASSERT_NO_FATAL_FAILURE(StartCoordinator());

  const Finished stranger = RunProgram(LearnerCommand("stranger", "viewer"), Path("stranger.log"));
  EXPECT_EQ(stranger.exit.code, 1);
  EXPECT_THAT(stranger.text,
              AllOf(HasSubstr("learner stopped"),
                    HasSubstr("a token of role viewer may not call /cohort.v1.LearnerService/JoinGang")));
  const Finished posing = Cohortctl("worker", {"submit", "-f", Path("job.yaml")});
  EXPECT_NE(posing.exit.code, 0);
  EXPECT_THAT(posing.text, HasSubstr("a token of role worker may not call /cohort.v1.JobService/CreateJob"));

  const Finished submitted = Cohortctl("submitter", {"submit", "-f", Path("job.yaml")});
  ASSERT_EQ(submitted.exit.code, 0) << submitted.text;
  RunningProgram learner(LearnerCommand("learner-0", "worker"), Path("learner.log"));
  RunningProgram worker(WorkerCommand("worker-0", "worker"), Path("worker.log"));
  const Finished waited = Cohortctl("viewer", {"wait", "job", "--timeout", "2m"});
  EXPECT_EQ(waited.exit.code, 0) << waited.text << learner.Text() << worker.Text() << coordinator_->Text();

  CompareDownloadWithRunFolder();
  // Lines of workers come with their next heartbeat.
  std::string logs;
  const auto has_lines_of_all = [&] {
    logs = Cohortctl("viewer", {"logs", "job", "--tail=-1"}).text;
    return logs.find(" worker-0 version_ready ") != std::string::npos &&
           logs.find(" learner-0 ") != std::string::npos && logs.find(" coordinator job_state ") != std::string::npos;
  };
  EXPECT_TRUE(WaitUntil(has_lines_of_all)) << logs;
  EXPECT_THAT(Cohortctl("worker", {"logs", "job"}).text, HasSubstr("a token of role worker may not call"));

  ExpectExpiryIsMeasured(learner.Text());

  const std::string weights = After("weight_service=", learner.Text());
  ASSERT_NE(weights, "") << learner.Text();
  const security::ClientSecurityFiles worker_files = {.authorities = Path("ca.pem"),
                                                      .certificate = Path("worker.pem"),
                                                      .key = Path("worker.key"),
                                                      .token = Path("worker.token")};
  EXPECT_EQ(AskForWeights(weights, worker_files).error_code(), grpc::StatusCode::NOT_FOUND) << "but is answered";
  security::ClientSecurityFiles files = worker_files;
  files.token = Path("viewer.token");
  EXPECT_EQ(AskForWeights(weights, files).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  files.token.clear();
  EXPECT_EQ(AskForWeights(weights, files).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  files = worker_files;
  files.certificate.clear();
  files.key.clear();
  EXPECT_EQ(AskForWeights(weights, files).error_code(), grpc::StatusCode::UNAVAILABLE) << "without a certificate";
  EXPECT_EQ(AskForWeights(weights, {}).error_code(), grpc::StatusCode::UNAVAILABLE) << "without TLS";

  // No secret has got into a log.
  for (const std::string& text :
       {coordinator_->Text(), learner.Text(), worker.Text(), stranger.text, submitted.text, logs}) {
    EXPECT_THAT(text, Not(HasSubstr("token-of-this-test")));
  }
  for (RunningProgram* program : {&learner, &worker, coordinator_.get()}) {
    program->Signal(SIGTERM);
    EXPECT_EQ(program->Finish().exit.code, 0) << program->Text();
  }
}

}  // namespace
}  // namespace cohort::tests
