// SPDX-License-Identifier: Apache-2.0
#include "learner/failure/failed_step_folder.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "learner/batch/plan_split.h"
#include "learner/failure/failure_json.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/safetensors_writer.h"
#include "rollout_log/segment_format.h"

namespace cohort::learner {
namespace {

using common::FileSystem;

constexpr char kPrefix[] = "version-";
constexpr char kFactsFile[] = "/failure.json";
constexpr char kStepFile[] = "/step.log";
constexpr char kTokensFile[] = "/tokens.safetensors";

std::string EncodeStep(const FailedStep& step) {
  std::string bytes = rollout_log::EncodeRecord(step.run.SerializeAsString());
  cohort::v1::GetStepResponse part;
  *part.mutable_plan() = step.payload.plan;
  bytes += rollout_log::EncodeRecord(part.SerializeAsString());
  for (const cohort::v1::RolloutGroup& group : step.payload.groups) {
    *part.mutable_group() = group;
    bytes += rollout_log::EncodeRecord(part.SerializeAsString());
  }
  for (const cohort::v1::Demonstration& demonstration : step.payload.demonstrations) {
    *part.mutable_demonstration() = demonstration;
    bytes += rollout_log::EncodeRecord(part.SerializeAsString());
  }
  return bytes;
}

void AddPart(cohort::v1::GetStepResponse part, StepPayload* payload) {
  if (part.has_plan()) payload->plan = std::move(*part.mutable_plan());
  if (part.has_group()) payload->groups.push_back(std::move(*part.mutable_group()));
  if (part.has_demonstration()) payload->demonstrations.push_back(std::move(*part.mutable_demonstration()));
}

// Of reading a file, whose path it names: whatever it is, the folder is not whole.
absl::Status AsDataLoss(const absl::Status& status) { return absl::DataLossError(status.message()); }

absl::Status DecodeFacts(const std::string& path, const absl::StatusOr<std::string>& text, FailedStep* step) {
  if (!text.ok()) return AsDataLoss(text.status());
  const absl::Status decoded = DecodeFailure(*text, step);
  if (decoded.ok()) return decoded;
  return absl::DataLossError(absl::StrCat(path, ": ", std::string(decoded.message())));
}

// A payload is of groups or of demonstrations.
absl::Status CheckShare(const std::string& path, const FailedStep& step) {
  const StepPayload& payload = step.payload;
  const size_t found = payload.groups.size() + payload.demonstrations.size();
  const size_t planned =
      GroupsOfRank({.begin = 0, .end = payload.plan.groups_size()}, step.rank, step.world_size).size();
  if (found == planned) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, ": ", found, " groups or demonstrations where ", planned,
                                          " are planned for rank ", step.rank, " of ", step.world_size));
}

absl::Status DecodeStep(const std::string& path, FailedStep* step) {
  const absl::StatusOr<std::string> bytes = common::ReadFile(path);
  if (!bytes.ok()) return AsDataLoss(bytes.status());
  std::string_view rest = *bytes, record;
  for (bool is_first = true;; is_first = false) {
    const absl::StatusOr<bool> taken = rollout_log::TakeRecord(&rest, &record);
    if (!taken.ok()) return absl::DataLossError(absl::StrCat(path, ": ", std::string(taken.status().message())));
    if (!*taken) break;
    cohort::v1::GetStepResponse part;
    google::protobuf::Message* message = &part;
    if (is_first) message = &step->run;
    if (!message->ParseFromArray(record.data(), static_cast<int>(record.size()))) {
      return absl::DataLossError(absl::StrCat(path, ": a record cannot be parsed"));
    }
    AddPart(std::move(part), &step->payload);
  }
  if (step->payload.plan.groups().empty() || !rest.empty()) {
    return absl::DataLossError(absl::StrCat(path, ": not a whole step"));
  }
  return CheckShare(path, *step);
}

absl::Status WriteTokens(const std::string& path, const FailedStep& step, FileSystem* files) {
  if (step.numbers.empty()) return absl::OkStatus();
  std::vector<model::TensorToWrite> tensors;
  for (const auto& [name, values] : step.numbers) {
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    tensors.push_back({.name = name, .dtype = "F32", .shape = {static_cast<int64_t>(values.size())}, .bytes = [bytes] {
                         return bytes;
                       }});
  }
  return model::WriteSafetensors(path, tensors, files);
}

absl::Status ReadTokens(const std::string& path, FailedStep* step) {
  const absl::StatusOr<std::unique_ptr<model::SafetensorsReader>> file = model::SafetensorsReader::Open(path);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  if (!file.ok()) return AsDataLoss(file.status());
  for (const model::SafetensorsEntry& entry : (*file)->entries()) {
    if (entry.dtype != "F32") return absl::DataLossError(absl::StrCat(path, ": not fp32 (", entry.dtype, ")"));
    const absl::StatusOr<std::string> bytes = (*file)->ReadAll(entry);
    if (!bytes.ok()) return AsDataLoss(bytes.status());
    std::vector<float>& values = step->numbers[entry.name];
    values.resize(bytes->size() / sizeof(float));
    std::memcpy(values.data(), bytes->data(), values.size() * sizeof(float));
  }
  return absl::OkStatus();
}

absl::Status WriteFiles(const std::string& directory, const FailedStep& step, const WeightWriter& write_weights,
                        FileSystem* files) {
  COHORT_RETURN_IF_ERROR(files->MakeFolders(directory));
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(files, directory + kFactsFile, EncodeFailure(step)));
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(files, directory + kStepFile, EncodeStep(step)));
  COHORT_RETURN_IF_ERROR(WriteTokens(directory + kTokensFile, step, files));
  if (write_weights != nullptr) {
    const std::string model = directory + "/model";
    COHORT_RETURN_IF_ERROR(files->MakeFolders(model));
    COHORT_RETURN_IF_ERROR(write_weights(model));
    COHORT_RETURN_IF_ERROR(files->SyncFolder(model));
  }
  return files->SyncFolder(directory);
}

absl::Status CheckRoom(const std::string& parent, const FileSystem& files) {
  const auto names = files.List(parent);
  int num_kept = 0;
  if (names.ok()) {
    for (const std::string& name : *names) num_kept += absl::StartsWith(name, kPrefix);
  }
  if (num_kept < kMaxFailedSteps) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(parent, ": ", num_kept, " failed steps are kept already"));
}

// A rank may meet the same again in the gang that follows; what it meets in another way finds its place taken.
absl::Status CheckSame(const std::string& directory, const FailedStep& step, FileSystem* files) {
  FailedStep kept;
  const std::string path = directory + kFactsFile;
  COHORT_RETURN_IF_ERROR(DecodeFacts(path, common::ReadFile(files, path), &kept));
  if (kept.message == step.message && kept.update == step.update) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(directory, ": has another failure (", kept.message, ")"));
}

}  // namespace

std::string FailedStepName(int64_t policy_version, int rank) {
  return absl::StrFormat("%s%08d-rank-%d", kPrefix, policy_version, rank);
}

absl::StatusOr<std::string> WriteFailedStep(std::string_view parent_view, const FailedStep& step,
                                            const WeightWriter& write_weights, FileSystem* files) {
  const std::string parent(parent_view);
  const std::string name = FailedStepName(step.payload.plan.version(), step.rank);
  const std::string path = absl::StrCat(parent, "/", name);
  if (files->IsFolder(path)) {
    COHORT_RETURN_IF_ERROR(CheckSame(path, step, files));
    return path;
  }
  COHORT_RETURN_IF_ERROR(CheckRoom(parent, *files));
  const std::string unfinished = absl::StrCat(parent, "/.tmp-", name);
  COHORT_RETURN_IF_ERROR(common::RemoveTree(files, unfinished));
  absl::Status status = WriteFiles(unfinished, step, write_weights, files);
  if (status.ok()) status = files->Rename(unfinished, path);
  if (!status.ok()) {
    (void)common::RemoveTree(files, unfinished);  // the first error is the one to report
    return status;
  }
  COHORT_RETURN_IF_ERROR(files->SyncFolder(parent));
  return path;
}

absl::StatusOr<FailedStep> ReadFailedStep(std::string_view directory_view) {
  const std::string directory(directory_view);
  if (!common::RealFileSystem()->IsFolder(directory)) {
    return absl::NotFoundError(absl::StrCat(directory, ": no such folder"));
  }
  FailedStep step;
  const std::string facts = directory + kFactsFile;
  COHORT_RETURN_IF_ERROR(DecodeFacts(facts, common::ReadFile(facts), &step));
  COHORT_RETURN_IF_ERROR(DecodeStep(directory + kStepFile, &step));
  COHORT_RETURN_IF_ERROR(ReadTokens(directory + kTokensFile, &step));
  return step;
}

void StripToTrainedPart(StepPayload* payload) {
  for (cohort::v1::RolloutGroup& group : payload->groups) {
    cohort::v1::RolloutGroup kept;
    kept.set_group_id(group.group_id());
    kept.set_purpose(group.purpose());
    kept.set_problem_id(group.problem_id());
    kept.set_epoch(group.epoch());
    kept.set_policy_version(group.policy_version());
    kept.mutable_prompt_token_ids()->Swap(group.mutable_prompt_token_ids());
    for (cohort::v1::Rollout& rollout : *group.mutable_rollouts()) {
      cohort::v1::Rollout* trained = kept.add_rollouts();
      trained->set_sibling(rollout.sibling());
      trained->mutable_token_ids()->Swap(rollout.mutable_token_ids());
      trained->mutable_behavior_logprobs()->Swap(rollout.mutable_behavior_logprobs());
      trained->set_finish_reason(rollout.finish_reason());
    }
    // A message that is only cleared keeps its memory.
    group = std::move(kept);
  }
}

}  // namespace cohort::learner
