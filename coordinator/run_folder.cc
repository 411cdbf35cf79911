// SPDX-License-Identifier: Apache-2.0
#include "coordinator/run_folder.h"

#include <google/protobuf/util/time_util.h>

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"
#include "coordinator/tensorboard_events.h"

namespace cohort::coordinator {
namespace {

// Of Make: a folder of the namespace that another job leaves empty may be removed at any moment.
constexpr int kMaxAttempts = 10;

std::string MetricsText(const std::vector<cohort::v1::JobEvent>& events) {
  std::string text;
  for (const auto& event : events) {
    const std::string line = MetricsLine(event);
    if (!line.empty()) absl::StrAppend(&text, line, "\n");
  }
  return text;
}

// Makes a file hold `content`, in place when what is there is its beginning, or the other way round: who follows the
// file reads on.
absl::Status MakeEqual(common::FileSystem* files, const std::string& path, const std::string& content) {
  const auto present = common::ReadFile(files, path);
  if (!present.ok() && !absl::IsNotFound(present.status())) return present.status();
  const size_t size = present.ok() ? present->size() : 0;
  if (size == 0 || present->compare(0, content.size(), content, 0, size) != 0) {
    return common::WriteFileAtomically(files, path, content);
  }
  if (size == content.size()) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(path, common::FileSystem::Mode::kUpdate));
  if (size > content.size()) return file->Truncate(static_cast<int64_t>(content.size()));
  return file->Write(std::string_view(content).substr(size), static_cast<int64_t>(size));
}

}  // namespace

RunFolder::RunFolder(common::FileSystem* files, std::string_view checkpoint_root, std::string_view job)
    : files_(files),
      root_(checkpoint_root),
      name_space_path_(absl::StrCat(root_, "/", NamespaceOf(job))),
      path_(absl::StrCat(name_space_path_, "/", JobIdOf(job))) {}

absl::Status RunFolder::Make() {
  absl::Status made;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    made = MakeOnce();
    if (!absl::IsNotFound(made)) break;
  }
  return made;
}

absl::Status RunFolder::MakeOnce() {
  COHORT_RETURN_IF_ERROR(files_->MakeFolders(root_));
  for (const std::string& folder : {name_space_path_, path_, CheckpointDirectory()}) {
    COHORT_RETURN_IF_ERROR(files_->MakeFolder(folder));
  }
  return files_->Open(MetricsPath(), common::FileSystem::Mode::kCreate).status();
}

bool RunFolder::HasLines() const {
  if (files_->IsFile(TensorBoardPath())) return true;
  const auto file = files_->Open(MetricsPath(), common::FileSystem::Mode::kRead);
  if (!file.ok()) return false;
  const auto num_bytes = (*file)->SizeBytes();
  return num_bytes.ok() && *num_bytes > 0;
}

absl::Status RunFolder::Sync() const {
  COHORT_RETURN_IF_ERROR(files_->MakeFolders(CheckpointDirectory()));
  for (const std::string& folder : {path_, name_space_path_, root_}) {
    COHORT_RETURN_IF_ERROR(files_->SyncFolder(folder));
  }
  return absl::OkStatus();
}

absl::Status RunFolder::Restore(const std::vector<cohort::v1::JobEvent>& events) {
  COHORT_RETURN_IF_ERROR(files_->MakeFolders(CheckpointDirectory()));
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(files_, MetricsPath(), MetricsText(events)));
  return RestoreFrames(events);
}

void RunFolder::Discard() {
  // What is not empty or not there stays so.
  if (!HasLines()) (void)files_->Remove(MetricsPath());
  for (const std::string& folder : {CheckpointDirectory(), TensorBoardDirectory(), path_, name_space_path_}) {
    (void)files_->RemoveFolder(folder);
  }
}

absl::Status RunFolder::Remove() {
  COHORT_RETURN_IF_ERROR(common::RemoveTree(files_, path_));
  (void)files_->RemoveFolder(name_space_path_);  // that stays unless it is empty
  return absl::OkStatus();
}

absl::Status RunFolder::Append(const std::vector<cohort::v1::JobEvent>& events) {
  const std::string text = MetricsText(events);
  if (text.empty()) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(common::AppendToFile(files_, MetricsPath(), text));
  return AppendFrames(events);
}

absl::Status RunFolder::AppendFrames(const std::vector<cohort::v1::JobEvent>& events) {
  const std::string path = TensorBoardPath();
  const std::string frames = TensorBoardFrames(events);
  if (files_->IsFile(path)) return common::AppendToFile(files_, path, frames);
  COHORT_RETURN_IF_ERROR(files_->MakeFolder(TensorBoardDirectory()));
  return common::AppendToFile(files_, path, TensorBoardHeader(events) + frames);
}

absl::Status RunFolder::RestoreFrames(const std::vector<cohort::v1::JobEvent>& events) {
  const std::string content = TensorBoardHeader(events) + TensorBoardFrames(events);
  if (content.empty()) {  // that of a former job of this name
    return files_->IsFile(TensorBoardPath()) ? files_->Remove(TensorBoardPath()) : absl::OkStatus();
  }
  COHORT_RETURN_IF_ERROR(files_->MakeFolder(TensorBoardDirectory()));
  return MakeEqual(files_, TensorBoardPath(), content);
}

std::string RunFolder::TensorBoardDirectory() const { return absl::StrCat(path_, "/", kTensorBoardFolder); }

std::string RunFolder::TensorBoardPath() const { return absl::StrCat(TensorBoardDirectory(), "/", kTensorBoardFile); }

std::string MetricsLine(const cohort::v1::JobEvent& event) {
  nlohmann::ordered_json line;
  const std::string time = google::protobuf::util::TimeUtil::ToString(event.time());
  if (event.has_step()) {
    line["kind"] = "step";
    line["time"] = time;
    line["policy_version"] = event.step().policy_version();
    const std::map<std::string, double> sorted(event.step().metrics().begin(), event.step().metrics().end());
    for (const auto& [name, value] : sorted) line[name] = value;
  } else if (event.has_evaluation()) {
    const cohort::v1::EvaluationResult& result = event.evaluation().result();
    line["kind"] = "evaluation";
    line["time"] = time;
    line["run"] = result.run();
    line["policy_version"] = result.policy_version();
    line["accuracy"] = result.accuracy();
    line["mean_reward"] = result.mean_reward();
    line["num_completions"] = result.num_completions();
    line["num_no_verdict"] = result.num_no_verdict();
    line["mean_completion_tokens"] = result.mean_completion_tokens();
    const std::map<std::string, double> values(result.mean_values().begin(), result.mean_values().end());
    for (const auto& [verifier, value] : values) line["mean_values"][verifier] = value;
    const std::map<int32_t, double> passes(result.pass_at_k().begin(), result.pass_at_k().end());
    for (const auto& [k, value] : passes) line["pass_at_k"][absl::StrCat(k)] = value;
  } else {
    return "";
  }
  return line.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

}  // namespace cohort::coordinator
