// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RUN_FOLDER_H_
#define COHORT_COORDINATOR_RUN_FOLDER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cohort/v1/job_service.pb.h"
#include "common/file_system.h"

namespace cohort::coordinator {

// The folder of one job below --checkpoint_root:
//
//   <namespace>/<job>/metrics.jsonl   one JSON object per step and evaluation, for people and plots
//   <namespace>/<job>/tensorboard/    the same as an events file of TensorBoard, from the first of them on
//   <namespace>/<job>/checkpoints/    written by the learner
//   <namespace>/<job>/failures/       the same, when a step was not finite
//
// metrics.jsonl and the events file are copies of the stored events; Restore makes them equal to these after a crash.
// Not thread-safe.
class RunFolder final {
 public:
  // `job` is a resource name. `files` must outlive it.
  RunFolder(common::FileSystem* files, std::string_view checkpoint_root, std::string_view job);

  const std::string& path() const { return path_; }
  std::string CheckpointDirectory() const { return path_ + "/checkpoints"; }
  // Makes the folders, and metrics.jsonl if it is not there, for a job that is about to be stored. Lines and events of
  // a former job, whose folder was kept, stay until this one is stored: see HasLines. Nothing is synced: a job that is
  // stored gets its folder again at the next start (Restore), and one that is not needs none.
  absl::Status Make();
  // Whether there is a line in metrics.jsonl, or an events file of TensorBoard.
  bool HasLines() const;
  // Makes the folders durable, before a process writes below them that cannot know that they are not.
  absl::Status Sync() const;
  // Makes the folders, writes metrics.jsonl anew, and the events file as far as it is not what it should be.
  absl::Status Restore(const std::vector<cohort::v1::JobEvent>& events);
  // Undoes the Make of a job that did not come to be: removes metrics.jsonl and the folders, as far as they are empty.
  void Discard();
  // Removes the folder with everything in it, checkpoints included. OK when it is not there.
  absl::Status Remove();
  // Appends the events that are steps or evaluations.
  absl::Status Append(const std::vector<cohort::v1::JobEvent>& events);

 private:
  absl::Status MakeOnce();
  std::string MetricsPath() const { return path_ + "/metrics.jsonl"; }
  absl::Status AppendFrames(const std::vector<cohort::v1::JobEvent>& events);
  absl::Status RestoreFrames(const std::vector<cohort::v1::JobEvent>& events);
  std::string TensorBoardDirectory() const;
  std::string TensorBoardPath() const;

  common::FileSystem* const files_;
  const std::string root_;
  const std::string name_space_path_;
  const std::string path_;
};

// One line of metrics.jsonl without its newline: {"kind": "step", "time": ..., "policy_version": ..., <metrics>} or
// {"kind": "evaluation", "time": ..., "run": ..., "policy_version": ..., "accuracy": ..., ...}. Empty for other events.
std::string MetricsLine(const cohort::v1::JobEvent& event);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RUN_FOLDER_H_
