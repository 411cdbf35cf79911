// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_LOG_RECORDED_RUN_H_
#define COHORT_ROLLOUT_LOG_RECORDED_RUN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/recorded_run.pb.h"
#include "common/file_system.h"
#include "rollout_log/rollout_log.h"

namespace cohort::rollout_log {

// File name in a job's folder.
inline constexpr char kRecordedRunFile[] = "steps.log";

// A job's committed steps, as replay reads them.
struct RecordedRunContents {
  cohort::v1::RecordedRun run;
  std::vector<cohort::v1::RecordedStep> steps;  // step i starts from version i
};

// What a file holds, without its steps.
struct RecordedRunEnd {
  cohort::v1::RecordedRun run;
  int64_t num_steps = 0;
  std::string last_digest;  // of the last step; empty without one
};

// The file steps.log: a copy of what the store knows, appended to at every commit and completed from the store at a
// start of the coordinator, so nothing depends on its being durable. Records are framed as in a segment. The functions
// hold no state; one caller at a time may write a file.
//
// Replaces the file by `contents`.
absl::Status WriteRecordedRun(std::string_view path, const RecordedRunContents& contents,
                              common::FileSystem* files = common::RealFileSystem());
absl::Status AppendRecordedStep(std::string_view path, const cohort::v1::RecordedStep& step,
                                common::FileSystem* files = common::RealFileSystem());
// Cuts off a step that was being appended, so that the next one can be, and says what is left. Reads the frames of all
// records, and the content of the first and the last. DATA_LOSS names offset and reason of anything else that is wrong
// with these; NOT_FOUND.
absl::StatusOr<RecordedRunEnd> RepairRecordedRun(std::string_view path,
                                                 common::FileSystem* files = common::RealFileSystem());
// A step that was being appended when the coordinator died is left out. DATA_LOSS names offset and reason of anything
// else that is wrong; NOT_FOUND.
absl::StatusOr<RecordedRunContents> ReadRecordedRun(std::string_view path);

cohort::v1::LogLocation ToProto(const RecordLocation& location);
RecordLocation FromProto(const cohort::v1::LogLocation& location);

}  // namespace cohort::rollout_log

#endif  // COHORT_ROLLOUT_LOG_RECORDED_RUN_H_
