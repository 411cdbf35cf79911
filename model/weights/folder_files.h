// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_FOLDER_FILES_H_
#define COHORT_MODEL_WEIGHTS_FOLDER_FILES_H_

// Torch-free.
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/file_system.h"

namespace cohort::model {

// Copies what a model folder has besides weights (config.json, tokenizer.json; generation_config.json and the other
// tokenizer files where present) byte for byte, each atomically. Appends the name of each that was copied to `copied`,
// unless that is null, also when it fails. `files` is what is written to.
absl::Status CopyFolderFiles(const std::string& source_directory, const std::string& directory,
                             std::vector<std::string>* copied = nullptr,
                             common::FileSystem* files = common::RealFileSystem());

// Removes the same files and the weights, shards and their index included, to clear what a failed write left.
void RemoveFolderFiles(const std::string& directory);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_FOLDER_FILES_H_
