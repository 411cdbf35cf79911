// SPDX-License-Identifier: Apache-2.0
#include "model/weights/folder_files.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/file_system.h"
#include "common/status_macros.h"
#include "model/regular_file.h"
#include "model/weights/weight_file_names.h"

namespace cohort::model {
namespace {

struct CopiedFile {
  const char* name;
  bool required;
};
constexpr CopiedFile kCopiedFiles[] = {
    {"config.json", true},
    {"tokenizer.json", true},
    {"generation_config.json", false},
    {"tokenizer_config.json", false},
    {"special_tokens_map.json", false},
    {"added_tokens.json", false},
    {"vocab.json", false},
    {"merges.txt", false},
    {"chat_template.jinja", false},
};

}  // namespace

absl::Status CopyFolderFiles(const std::string& source_directory, const std::string& directory,
                             std::vector<std::string>* copied, common::FileSystem* files) {
  for (const CopiedFile& file : kCopiedFiles) {
    const absl::StatusOr<std::string> content = ReadRegularFile(absl::StrCat(source_directory, "/", file.name));
    if (!file.required && absl::IsNotFound(content.status())) continue;
    if (!content.ok()) return content.status();
    COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(files, absl::StrCat(directory, "/", file.name), *content));
    if (copied != nullptr) copied->push_back(file.name);
  }
  return absl::OkStatus();
}

void RemoveFolderFiles(const std::string& directory) {
  for (const CopiedFile& file : kCopiedFiles) unlink(absl::StrCat(directory, "/", file.name).c_str());
  std::vector<std::string> weights;
  std::error_code ignored;  // what cannot be listed cannot be removed
  for (std::filesystem::directory_iterator it(directory, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (IsWeightFileName(it->path().filename().string())) weights.push_back(it->path().string());
  }
  for (const std::string& path : weights) unlink(path.c_str());
}

}  // namespace cohort::model
