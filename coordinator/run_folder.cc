// SPDX-License-Identifier: Apache-2.0
#include "coordinator/run_folder.h"

#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"

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
  return files_->Open(path_ + "/metrics.jsonl", common::FileSystem::Mode::kReplace).status();
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
  return common::WriteFileAtomically(files_, path_ + "/metrics.jsonl", MetricsText(events));
}

void RunFolder::Discard() {
  // What is not empty or not there stays so.
  (void)files_->Remove(path_ + "/metrics.jsonl");
  for (const std::string& folder : {CheckpointDirectory(), path_, name_space_path_}) {
    (void)files_->RemoveFolder(folder);
  }
}

absl::Status RunFolder::Remove() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) return absl::UnavailableError(absl::StrCat(path_, ": cannot remove: ", error.message()));
  ::rmdir(name_space_path_.c_str());
  return absl::OkStatus();
}

absl::Status RunFolder::Append(const std::vector<cohort::v1::JobEvent>& events) {
  const std::string text = MetricsText(events);
  if (text.empty()) return absl::OkStatus();
  return common::AppendToFile(files_, path_ + "/metrics.jsonl", text);
}

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
