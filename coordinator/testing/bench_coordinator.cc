// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/bench_coordinator.h"

#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/fake_worker.h"
#include "coordinator/testing/gang_requests.h"

namespace cohort::coordinator {
namespace {

std::vector<cohort::v1::GroupLease> LeasesOf(const cohort::v1::ClaimGroupsResponse& claimed) {
  std::vector<cohort::v1::GroupLease> leases;
  for (const auto& assignment : claimed.groups()) {
    cohort::v1::GroupLease& lease = leases.emplace_back();
    lease.set_job(assignment.job());
    lease.set_group_id(assignment.group_id());
    *lease.mutable_lease() = assignment.lease();
  }
  return leases;
}

// Empty when the weights of the job are fetched.
std::string FolderDigestOf(const cohort::v1::ClaimGroupsResponse& claimed, const std::string& job) {
  for (const cohort::v1::WeightSource& source : claimed.weights()) {
    if (source.job() == job && !source.model_path().empty()) return source.digest();
  }
  return "";
}

}  // namespace

void BenchCoordinator::SetUp() {
  WriteRows(10);
  log_ = std::make_unique<FaultyRolloutLog>(*rollout_log::RolloutLog::Open(folder_.Join("rollouts"), {}), &fault_);
  Restart();
}

void BenchCoordinator::WriteRows(int count) {
  std::string rows;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&rows, R"({"question": ")", i, R"( + 1 =", "answer": ")", i + 1, "\"}\n");
  }
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("problems.jsonl"), rows));
}

void BenchCoordinator::Restart() {
  rollouts_.reset();
  gangs_.reset();
  directory_.reset();
  workers_ = std::make_unique<WorkerRegistry>(absl::Seconds(90));
  context_ = {.store = &store_,
              .log = log_.get(),
              .clock = &clock_,
              .metrics = &metrics_,
              .workers = workers_.get(),
              .groups_signal = &signal_,
              .plans_signal = &signal_,
              .events_signal = &signal_,
              .epoch = *store_.BeginEpoch(),
              .lease_duration = absl::Seconds(30),
              .data_root = folder_.path(),
              .model_root = folder_.path(),
              .checkpoint_root = folder_.Join("runs"),
              .read_weight_digest = [this](const std::string&, const std::function<bool()>&) {
                ++num_folders_read_;
                return folder_digest_;
              }};
  const auto accept = [](const cohort::v1::JobSpec& spec, const std::string&,
                         const DatasetRoots&) -> absl::StatusOr<cohort::v1::JobSpec> { return spec; };
  auto directory = JobDirectory::Open(&context_, accept);
  ASSERT_OK(directory);
  directory_ = *std::move(directory);
  gangs_ = std::make_unique<GangAssembly>(&context_, directory_.get());
  rollouts_ = std::make_unique<RolloutDispatch>(&context_, directory_.get());
}

void BenchCoordinator::Tick() {
  for (const auto& runtime : directory_->Runtimes()) runtime->Tick();
  gangs_->Tick();
}

void BenchCoordinator::Pass(int seconds, const cohort::v1::JoinGangResponse& place) {
  cohort::v1::RankHeartbeatRequest request;
  request.set_job(place.job());
  request.set_incarnation(place.incarnation());
  for (int i = 0; i < seconds; ++i) {
    clock_.Advance(absl::Seconds(1));
    gangs_->Heartbeat(request).IgnoreError();  // the gang may be gone
    Tick();
  }
}

absl::StatusOr<cohort::v1::Job> BenchCoordinator::Create(const std::string& id, const cohort::v1::JobSpec& spec) {
  cohort::v1::CreateJobRequest request;
  request.set_job_id(id);
  *request.mutable_job()->mutable_spec() = spec;
  return directory_->Create(request);
}

cohort::v1::JoinGangResponse BenchCoordinator::Join(const std::string& learner) {
  cohort::v1::JoinGangRequest request;
  request.set_learner_id(learner);
  return *gangs_->Join(request, [] { return false; });
}

cohort::v1::JoinGangResponse BenchCoordinator::StartSums(const cohort::v1::JobSpec& spec) {
  EXPECT_OK(Create("sums", spec));
  cohort::v1::JoinGangResponse place = Join();
  EXPECT_EQ(place.job(), NameOf("sums"));
  if (place.job().empty()) return place;
  EXPECT_OK(Publish(place, 0, 'a'));
  return place;
}

absl::Status BenchCoordinator::Publish(const cohort::v1::JoinGangResponse& place, int64_t version, char digest) {
  const auto request = PublishRequest(place, version, std::string(32, digest));
  return (*directory_->Find(place.job()))->PublishVersion(request).status();
}

absl::Status BenchCoordinator::Commit(const cohort::v1::JoinGangResponse& place, int64_t version, char digest) {
  return (*directory_->Find(place.job()))->CommitStep(CommitRequest(place, version, std::string(32, digest)));
}

absl::Status BenchCoordinator::Seal(const cohort::v1::JoinGangResponse& place, int64_t version, char digest) {
  const std::string path = absl::StrCat(place.checkpoint_directory(), "/step-", version);
  std::filesystem::create_directories(path);
  return (*directory_->Find(place.job()))->SealCheckpoint(SealRequest(place, version, path, std::string(32, digest)));
}

absl::StatusOr<std::optional<cohort::v1::StepPlan>> BenchCoordinator::GetPlan(const cohort::v1::JoinGangResponse& place,
                                                                              int64_t version) {
  return (*directory_->Find(place.job()))->GetPlan(StepRequest(place, version));
}

cohort::v1::ClaimGroupsResponse BenchCoordinator::Claim(const std::string& worker, int count, bool is_cancelled) {
  cohort::v1::ClaimGroupsRequest request;
  request.mutable_worker()->set_worker_id(worker);
  request.set_max_groups(count);
  cohort::v1::ClaimGroupsResponse response = *rollouts_->Claim(request);
  if (is_cancelled) rollouts_->GiveBack(&response);
  return response;
}

absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> BenchCoordinator::Submit(
    const cohort::v1::ClaimGroupsResponse& claimed) {
  std::vector<Submission> submissions;
  for (const auto& assignment : claimed.groups()) {
    submissions.push_back({.lease = assignment.lease(), .group = SampleGroup(assignment, FirstSiblingIsRight())});
    submissions.back().group.set_weight_digest(FolderDigestOf(claimed, assignment.job()));
  }
  return rollouts_->Submit(submissions);
}

std::string BenchCoordinator::WhyTryAgain(const absl::StatusOr<std::vector<cohort::v1::GroupReceipt>>& receipts) {
  if (!receipts.ok() || receipts->empty()) return "";
  for (const auto& receipt : *receipts) {
    if (!receipt.try_again() || receipt.accepted()) return "";
  }
  return receipts->front().reason();
}

void BenchCoordinator::Release(const cohort::v1::ClaimGroupsResponse& claimed, const std::string& error) {
  cohort::v1::ReleaseGroupsRequest request;
  for (const auto& lease : LeasesOf(claimed)) *request.add_leases() = lease;
  request.set_error(error);
  rollouts_->Release(request);
}

int BenchCoordinator::NumLost(const std::string& worker, const cohort::v1::ClaimGroupsResponse& claimed) {
  cohort::v1::WorkerHeartbeatRequest request;
  request.mutable_worker()->set_worker_id(worker);
  for (const auto& lease : LeasesOf(claimed)) *request.add_leases() = lease;
  return rollouts_->Heartbeat(request)->lost_size();
}

}  // namespace cohort::coordinator
