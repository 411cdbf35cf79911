// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/offline_files.h"

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::rollout_worker {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxShownBytes = 100;

// Calls `take` with each row's object.
absl::Status ForEachRow(std::string_view path, const std::function<absl::Status(const Json&)>& take) {
  COHORT_ASSIGN_OR_RETURN(const std::string content, common::ReadFile(path));
  size_t index = 0;
  for (size_t start = 0; start < content.size(); ++index) {
    const size_t end = std::min(content.find('\n', start), content.size());
    const std::string_view line = std::string_view(content).substr(start, end - start);
    start = end + 1;
    const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    absl::Status status = absl::OkStatus();
    if (row.is_discarded() || !row.is_object()) {
      status = absl::InvalidArgumentError("is not a JSON object in UTF-8");
    } else {
      status = take(row);
    }
    if (!status.ok()) return InRow(path, index, status);
  }
  return absl::OkStatus();
}

absl::Status TakeTokenIds(const Json& row, std::vector<int32_t>* token_ids) {
  const auto field = row.find("token_ids");
  if (field == row.end() || !field->is_array() || field->size() < 2) {
    return absl::InvalidArgumentError("token_ids: must be a list of at least two token ids");
  }
  for (const Json& id : *field) {
    const bool is_id = id.is_number_unsigned() && id.get<uint64_t>() <= std::numeric_limits<int32_t>::max();
    if (!is_id) {
      // Lists may be nested too deeply to be written out.
      const std::string shown = id.is_structured() ? id.type_name() : common::Printable(id.dump(), kMaxShownBytes);
      return absl::InvalidArgumentError(absl::StrCat("token_ids: is not a token id (", shown, ")"));
    }
    token_ids->push_back(static_cast<int32_t>(id.get<uint64_t>()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadPrompts(std::string_view path) {
  std::vector<std::string> prompts;
  COHORT_RETURN_IF_ERROR(ForEachRow(path, [&](const Json& row) {
    const auto prompt = row.find("prompt");
    if (prompt == row.end() || !prompt->is_string()) return absl::InvalidArgumentError("prompt: is not there as text");
    prompts.push_back(prompt->get<std::string>());
    return absl::OkStatus();
  }));
  return prompts;
}

absl::StatusOr<std::vector<std::vector<int32_t>>> ReadTokenIds(std::string_view path) {
  std::vector<std::vector<int32_t>> rows;
  COHORT_RETURN_IF_ERROR(ForEachRow(path, [&](const Json& row) { return TakeTokenIds(row, &rows.emplace_back()); }));
  return rows;
}

absl::Status CheckOutputPath(std::string_view path) {
  const std::string output(path);
  const std::string folder = std::filesystem::path(output).parent_path().string();
  const std::string parent = folder.empty() ? std::string(".") : folder;
  std::error_code error;
  if (!std::filesystem::is_directory(parent, error)) {
    return absl::InvalidArgumentError(absl::StrCat("--output: the folder does not exist (", parent, ")"));
  }
  if (std::filesystem::is_directory(output, error)) {
    return absl::InvalidArgumentError(absl::StrCat("--output: is a folder (", output, ")"));
  }
  if (access(parent.c_str(), W_OK | X_OK) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--output: the folder cannot be written to (", parent, ")"));
  }
  return absl::OkStatus();
}

absl::Status InRow(std::string_view path, size_t index, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(std::string(path), " row ", index + 1, ": ", std::string(status.message())));
}

}  // namespace cohort::rollout_worker
