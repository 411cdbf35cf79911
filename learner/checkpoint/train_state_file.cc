// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/train_state_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <exception>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

std::string PathIn(std::string_view directory) { return absl::StrCat(std::string(directory), "/", kTrainStateFile); }

}  // namespace

absl::Status WriteTrainState(std::string_view directory, const TrainStateRecord& record, common::FileSystem* files) {
  const nlohmann::ordered_json root = {{"policy_version", record.policy_version},
                                       {"num_updates", record.num_updates},
                                       {"incarnation", record.incarnation},
                                       {"spec_digest", record.spec_digest}};
  return common::WriteFileAtomically(files, PathIn(directory), root.dump(2) + "\n");
}

absl::StatusOr<TrainStateRecord> ReadTrainState(std::string_view directory) {
  COHORT_ASSIGN_OR_RETURN(const std::string text, common::ReadFile(PathIn(directory)));
  try {
    const nlohmann::json root = nlohmann::json::parse(text);
    return TrainStateRecord{.policy_version = root.at("policy_version").get<int64_t>(),
                            .num_updates = root.at("num_updates").get<int64_t>(),
                            .incarnation = root.at("incarnation").get<int64_t>(),
                            .spec_digest = root.at("spec_digest").get<std::string>()};
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat(PathIn(directory), ": not a train state (", error.what(), ")"));
  }
}

std::string SpecDigest(const cohort::v1::JobSpec& spec) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    spec.SerializeToCodedStream(&coded);
  }
  return common::HexOf(common::Sha256Of(bytes));
}

}  // namespace cohort::learner
