// SPDX-License-Identifier: Apache-2.0
#include "cli/data_upload.h"

#include <filesystem>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

using cohort::v1::DatasetSpec;

// Every dataset of a job, by field path.
std::vector<std::pair<std::string_view, DatasetSpec*>> DatasetsOf(cohort::v1::JobSpec& spec) {
  std::vector<std::pair<std::string_view, DatasetSpec*>> datasets;
  if (spec.rlvr().has_data()) datasets.emplace_back("rlvr.data", spec.mutable_rlvr()->mutable_data());
  if (spec.sft().has_data()) datasets.emplace_back("sft.data", spec.mutable_sft()->mutable_data());
  if (spec.evaluation().has_data()) datasets.emplace_back("evaluation.data", spec.mutable_evaluation()->mutable_data());
  return datasets;
}

}  // namespace

absl::Status UploadData(const UploadFile& upload, JobFile* file) {
  cohort::v1::JobSpec spec = file->spec;
  const std::filesystem::path folder = std::filesystem::path(file->path).parent_path();
  std::map<std::string, std::string> digests;  // by path
  for (const auto& [field, dataset] : DatasetsOf(spec)) {
    if (!dataset->has_jsonl()) continue;
    const std::string path = (folder / dataset->jsonl().path()).lexically_normal().string();
    std::string& sha256 = digests[path];
    if (sha256.empty()) {
      const auto response = upload(path);
      if (!response.ok()) {
        return common::PrefixMessage(response.status(), absl::StrCat(std::string(field), ".jsonl.path"));
      }
      sha256 = response->sha256();
    }
    dataset->mutable_uploaded()->set_sha256(sha256);
  }
  file->spec = std::move(spec);
  return absl::OkStatus();
}

}  // namespace cohort::cli
