// SPDX-License-Identifier: Apache-2.0
#include "common/security/method_table.h"

namespace cohort::security {

const std::vector<MethodRow>& MethodTable() {
  static const auto* const rows = new std::vector<MethodRow>{
      {.method = "/cohort.v1.JobService/GetJob", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/ListJobs", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/WatchJob", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/ListCheckpoints", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/GetCheckpoint", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/DownloadCheckpoint", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/WatchLogs", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/ListSteps", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/ListRollouts", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/ListProcesses", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/GetVersion", .viewer = true, .submitter = true},
      {.method = "/cohort.v1.JobService/CreateJob", .submitter = true},
      {.method = "/cohort.v1.JobService/PauseJob", .submitter = true},
      {.method = "/cohort.v1.JobService/ResumeJob", .submitter = true},
      {.method = "/cohort.v1.JobService/CancelJob", .submitter = true},
      {.method = "/cohort.v1.JobService/DeleteJob", .submitter = true},
      {.method = "/cohort.v1.JobService/UploadDataset", .submitter = true},
      {.method = "/cohort.v1.RolloutService/ClaimGroups", .worker = true},
      {.method = "/cohort.v1.RolloutService/GetRolloutSetup", .worker = true},
      {.method = "/cohort.v1.RolloutService/Heartbeat", .worker = true},
      {.method = "/cohort.v1.RolloutService/SubmitGroups", .worker = true},
      {.method = "/cohort.v1.RolloutService/ReleaseGroups", .worker = true},
      {.method = "/cohort.v1.LearnerService/JoinGang", .worker = true},
      {.method = "/cohort.v1.LearnerService/GetStep", .worker = true},
      {.method = "/cohort.v1.LearnerService/CommitStep", .worker = true},
      {.method = "/cohort.v1.LearnerService/PublishVersion", .worker = true},
      {.method = "/cohort.v1.LearnerService/SealCheckpoint", .worker = true},
      {.method = "/cohort.v1.LearnerService/Heartbeat", .worker = true},
      {.method = "/cohort.v1.WeightService/GetManifest", .worker = true},
      {.method = "/cohort.v1.WeightService/FetchWeights", .worker = true},
      {.method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
       .viewer = true,
       .submitter = true,
       .worker = true},
  };
  return *rows;
}

bool IsOpenToAll(std::string_view method) {
  return method == "/grpc.health.v1.Health/Check" || method == "/grpc.health.v1.Health/Watch";
}

bool MayCall(Role role, std::string_view method) {
  for (const MethodRow& row : MethodTable()) {
    if (row.method != method) continue;
    switch (role) {
      case Role::kViewer:
        return row.viewer;
      case Role::kSubmitter:
        return row.submitter;
      case Role::kWorker:
        return row.worker;
      case Role::kAdmin:
        return true;
    }
  }
  return false;
}

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kSubmitter:
      return "submitter";
    case Role::kWorker:
      return "worker";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

}  // namespace cohort::security
