// SPDX-License-Identifier: Apache-2.0
// Size: one fake service, each method with its answer.
#ifndef COHORT_LEARNER_TESTING_FAKE_COORDINATOR_H_
#define COHORT_LEARNER_TESTING_FAKE_COORDINATOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/learner_service.grpc.pb.h"
#include "learner/step_payload.h"
#include "learner/testing/step_fixture.h"

namespace cohort::learner {

// A LearnerService for one gang: hands its place to whoever joins, its plans in order of version, then a stop that
// seals. Remembers what was committed, published and sealed. Thread-safe; set the public members before it serves.
class FakeCoordinator final : public cohort::v1::LearnerService::Service {
 public:
  using Maker = std::function<WholeStep(int64_t version)>;

  cohort::v1::JoinGangResponse place;  // incarnation counts up with every join
  Maker make_step;
  int64_t seal_after_version = -1;    // the plan that makes this version asks for a checkpoint
  bool seals_every_version = false;   // all plans do
  int64_t lose_gang_at_version = -1;  // GetStep of this version is ABORTED once
  int64_t drain_at_version = -1;    // GetStep of this version calls `terminate` and stops when the rank says it drains
  std::function<void()> terminate;  // what SIGTERM does; also called when the rank joins again after the stop
  std::function<void()> before_seal = [] {};  // in the middle of each SealCheckpoint
  std::vector<int64_t> best_versions;         // what SealCheckpoint answers
  // What GetStep and CommitStep answer first; of calls that do not succeed nothing is remembered.
  std::function<grpc::Status()> before_step = [] { return grpc::Status::OK; };
  std::function<grpc::Status()> before_commit = [] { return grpc::Status::OK; };

  struct Record {
    std::map<int64_t, std::string> digests;  // committed
    std::map<int64_t, std::map<std::string, double>> metrics;
    std::map<int64_t, std::vector<cohort::v1::RankTimings>> rank_timings;
    std::vector<int64_t> commits;  // in order, replays included
    std::vector<int64_t> published;
    std::vector<std::string> sealed;
    std::string error;
    bool was_draining = false;
    int64_t num_joins = 0;
  };
  Record record() const {
    absl::MutexLock lock(&mutex_);
    return record_;
  }

  // Waits until this version is committed.
  void AwaitCommit(int64_t version) {
    absl::MutexLock lock(&mutex_);
    const auto is_committed = [this, version] {
      mutex_.AssertReaderHeld();
      return record_.digests.count(version) > 0;
    };
    mutex_.Await(absl::Condition(&is_committed));
  }

  grpc::Status JoinGang(grpc::ServerContext*, const cohort::v1::JoinGangRequest*,
                        cohort::v1::JoinGangResponse* response) override {
    absl::MutexLock lock(&mutex_);
    if (is_stopped_) {
      terminate();
      return grpc::Status::OK;  // no job
    }
    *response = place;
    response->set_incarnation(++record_.num_joins);
    return grpc::Status::OK;
  }

  grpc::Status GetStep(grpc::ServerContext*, const cohort::v1::GetStepRequest* request,
                       grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) override {
    if (grpc::Status status = before_step(); !status.ok()) return status;
    absl::MutexLock lock(&mutex_);
    if (request->version() == lose_gang_at_version) {
      lose_gang_at_version = -1;
      return grpc::Status(grpc::StatusCode::ABORTED, "rank 1 is gone");
    }
    bool is_over = request->version() >= place.spec().training().num_steps();
    if (request->version() == drain_at_version) {
      terminate();
      mutex_.Await(absl::Condition(&record_.was_draining));
      is_over = true;
    }
    const WholeStep step = is_over ? WholeStep() : make_step(request->version());
    cohort::v1::GetStepResponse part;
    *part.mutable_plan() = step.plan;
    part.mutable_plan()->set_version(request->version());
    part.mutable_plan()->set_seal_checkpoint(is_over || seals_every_version ||
                                             request->version() + 1 == seal_after_version);
    if (is_over) {
      part.mutable_plan()->set_action(cohort::v1::STEP_ACTION_STOP);
      part.mutable_plan()->set_stop_reason("over");
      is_stopped_ = true;
    }
    writer->Write(part);
    WritePayload(step.ForRank(request->rank(), request->world_size()), writer);
    return grpc::Status::OK;
  }

  grpc::Status CommitStep(grpc::ServerContext*, const cohort::v1::CommitStepRequest* request,
                          cohort::v1::CommitStepResponse*) override {
    if (grpc::Status status = before_commit(); !status.ok()) return status;
    absl::MutexLock lock(&mutex_);
    std::string& digest = record_.digests[request->version()];
    if (!digest.empty() && digest != request->digest()) {
      return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "another digest");
    }
    digest = request->digest();
    record_.commits.push_back(request->version());
    record_.metrics[request->version()] = {request->metrics().begin(), request->metrics().end()};
    record_.rank_timings[request->version()] = {request->rank_timings().begin(), request->rank_timings().end()};
    return grpc::Status::OK;
  }

  grpc::Status PublishVersion(grpc::ServerContext*, const cohort::v1::PublishVersionRequest* request,
                              cohort::v1::PublishVersionResponse* response) override {
    absl::MutexLock lock(&mutex_);
    record_.published.push_back(request->version());
    response->set_oldest_needed_version(request->version());
    return grpc::Status::OK;
  }

  grpc::Status SealCheckpoint(grpc::ServerContext*, const cohort::v1::SealCheckpointRequest* request,
                              cohort::v1::SealCheckpointResponse* response) override {
    before_seal();
    response->mutable_best_versions()->Add(best_versions.begin(), best_versions.end());
    absl::MutexLock lock(&mutex_);
    record_.sealed.push_back(request->path());
    return grpc::Status::OK;
  }

  grpc::Status Heartbeat(grpc::ServerContext*, const cohort::v1::RankHeartbeatRequest* request,
                         cohort::v1::RankHeartbeatResponse*) override {
    absl::MutexLock lock(&mutex_);
    if (!request->error().empty()) record_.error = request->error();
    record_.was_draining = record_.was_draining || request->is_draining();
    return grpc::Status::OK;
  }

 private:
  static void WritePayload(const StepPayload& step, grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) {
    for (const cohort::v1::RolloutGroup& group : step.groups) {
      cohort::v1::GetStepResponse head, tail;
      *head.mutable_group() = group;  // in two parts, as large ones go
      head.mutable_group()->clear_rollouts();
      for (int i = 0; i < group.rollouts_size(); ++i) {
        *(i == 0 ? head : tail).mutable_group()->add_rollouts() = group.rollouts(i);
      }
      tail.mutable_group()->set_group_id(group.group_id());
      tail.set_is_last_part(true);
      writer->Write(head);
      writer->Write(tail);
    }
    for (const cohort::v1::Demonstration& demonstration : step.demonstrations) {
      cohort::v1::GetStepResponse part;
      *part.mutable_demonstration() = demonstration;
      writer->Write(part);
    }
  }

  mutable absl::Mutex mutex_;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  Record record_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_FAKE_COORDINATOR_H_
