// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/fake_learner.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "coordinator/testing/gang_requests.h"

namespace cohort::coordinator {
namespace {

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
}

// The plan and the ids of this rank's payload; the status of the call otherwise.
grpc::Status GetStep(const CoordinatorStubs& stubs, const cohort::v1::JoinGangResponse& place, int64_t version,
                     cohort::v1::StepPlan* plan, std::vector<int64_t>* ids) {
  grpc::ClientContext context;
  SetDeadline(&context);
  cohort::v1::GetStepRequest request = StepRequest(place, version);
  request.mutable_wait()->set_nanos(200000000);
  const auto reader = stubs.learners->GetStep(&context, request);
  cohort::v1::GetStepResponse response;
  while (reader->Read(&response)) {
    if (response.has_plan()) *plan = response.plan();
    if (response.has_group() && response.is_last_part()) ids->push_back(response.group().group_id());
    if (response.has_demonstration()) ids->push_back(response.demonstration().problem_id());
  }
  return reader->Finish();
}

bool Publish(const CoordinatorStubs& stubs, const cohort::v1::JoinGangResponse& place, int64_t version,
             const std::string& digest) {
  grpc::ClientContext context;
  SetDeadline(&context);
  cohort::v1::PublishVersionResponse response;
  return stubs.learners->PublishVersion(&context, PublishRequest(place, version, digest), &response).ok();
}

bool Commit(const CoordinatorStubs& stubs, const cohort::v1::JoinGangResponse& place, int64_t version,
            const std::string& digest) {
  grpc::ClientContext context;
  SetDeadline(&context);
  cohort::v1::CommitStepRequest request = CommitRequest(place, version, digest);
  (*request.mutable_metrics())["loss"] = 0.25;
  cohort::v1::CommitStepResponse response;
  return stubs.learners->CommitStep(&context, request, &response).ok();
}

bool Seal(const CoordinatorStubs& stubs, const cohort::v1::JoinGangResponse& place, int64_t version,
          const std::string& digest) {
  const std::string path = absl::StrCat(place.checkpoint_directory(), "/step-", version);
  std::filesystem::create_directories(path);
  if (!common::WriteFileAtomically(path + "/digest", digest).ok()) return false;
  grpc::ClientContext context;
  SetDeadline(&context);
  cohort::v1::SealCheckpointResponse response;
  return stubs.learners->SealCheckpoint(&context, SealRequest(place, version, path, digest), &response).ok();
}

}  // namespace

void TrainingRecord::AddPayload(int64_t version, int64_t id) {
  absl::MutexLock lock(&mutex_);
  payload_[version].insert(id);
}

void TrainingRecord::AddIncarnation(int64_t incarnation) {
  absl::MutexLock lock(&mutex_);
  incarnations_.insert(incarnation);
}

std::multiset<int64_t> TrainingRecord::Payload(int64_t version) const {
  absl::MutexLock lock(&mutex_);
  const auto it = payload_.find(version);
  return it == payload_.end() ? std::multiset<int64_t>{} : it->second;
}

std::set<int64_t> TrainingRecord::Incarnations() const {
  absl::MutexLock lock(&mutex_);
  return incarnations_;
}

void TrainingRecord::AwaitVersion(int64_t version) const {
  const auto is_there = [this, version]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return payload_.count(version) > 0; };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&is_there));
}

FakeLearner::FakeLearner(LoopbackCoordinator* coordinator, std::string learner_id, TrainingRecord* record)
    : coordinator_(coordinator), learner_id_(std::move(learner_id)), record_(record), thread_([this] { Run(); }) {}

void FakeLearner::Run() {
  for (CoordinatorStubs stubs = coordinator_->Connect(); stubs.learners != nullptr; stubs = coordinator_->Connect()) {
    while (!coordinator_->IsClosed()) {
      grpc::ClientContext context;
      SetDeadline(&context);
      cohort::v1::JoinGangRequest request;
      request.set_learner_id(learner_id_);
      request.set_store_address("127.0.0.1:2");
      request.mutable_wait()->set_nanos(200000000);
      cohort::v1::JoinGangResponse place;
      if (!stubs.learners->JoinGang(&context, request, &place).ok()) break;
      if (place.job().empty()) continue;
      record_->AddIncarnation(place.incarnation());
      WorkInGang(stubs, place);
    }
  }
}

void FakeLearner::WorkInGang(const CoordinatorStubs& stubs, const cohort::v1::JoinGangResponse& place) {
  std::string digest = InitialDigest();
  if (!place.resume_checkpoint().empty()) {
    const auto stored = common::ReadFile(place.resume_checkpoint() + "/digest");
    if (!stored.ok()) return;
    digest = *stored;
  }
  const bool leads = place.rank() == 0;
  int64_t version = place.resume_version();
  if (leads && !Publish(stubs, place, version, digest)) return;
  while (!coordinator_->IsClosed()) {
    cohort::v1::StepPlan plan;
    std::vector<int64_t> ids;
    const grpc::Status status = GetStep(stubs, place, version, &plan, &ids);
    const bool is_late =
        status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_message().rfind("no plan yet", 0) == 0;
    if (is_late) continue;
    if (!status.ok()) return;
    if (plan.action() == cohort::v1::STEP_ACTION_STOP) {
      if (leads && plan.seal_checkpoint()) Seal(stubs, place, version, digest);
      return;
    }
    for (const int64_t id : ids) record_->AddPayload(version, id);
    digest = NextDigest(digest, plan);
    ++version;
    if (!leads) continue;
    if (!Commit(stubs, place, version, digest) || !Publish(stubs, place, version, digest)) return;
    if (plan.seal_checkpoint() && !Seal(stubs, place, version, digest)) return;
  }
}

}  // namespace cohort::coordinator
