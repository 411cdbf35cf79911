// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_FOLDER_STATE_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_FOLDER_STATE_H_

#include <string>

namespace cohort::rollout_worker {

// Names, sizes, times and inodes of the files in a folder, in order of name: another text when one was written anew.
// Empty when the folder cannot be read.
std::string FolderState(const std::string& path);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_FOLDER_STATE_H_
