// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_DATASET_H_
#define COHORT_COORDINATOR_DATASET_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/data_spec.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "coordinator/dataset/chat_rows.h"
#include "coordinator/dataset/dataset_roots.h"
#include "coordinator/dataset/row_reader.h"
#include "model/chat_template/chat_template.h"

namespace cohort::coordinator {

// Rows as problems or demonstrations, by the spec's field mapping. Rows are read when asked for. Thread-safe.
class Dataset final {
 public:
  // Errors name the field below DatasetSpec and the path. The template renders rows with messages; null for a model
  // without one, which serves rows with prompts only.
  static absl::StatusOr<std::unique_ptr<Dataset>> Open(
      const cohort::v1::DatasetSpec& spec, const DatasetRoots& roots,
      std::shared_ptr<const model::ChatTemplate> chat_template = nullptr);

  int64_t NumRows() const { return rows_->NumRows(); }
  // SHA-256 of the rows and, if they have messages, of the chat template; 32 bytes.
  std::string Digest() const;
  // INVALID_ARGUMENT names file, row and what is wrong: not UTF-8, no JSON object, nested too deeply, a mapped field
  // missing, a conversation that the chat template refuses, too large for one message.
  absl::StatusOr<cohort::v1::Problem> ReadProblem(int64_t row) const;
  // The same into `problem`, whose memory serves again. On an error it holds nothing of use.
  absl::Status ReadProblem(int64_t row, cohort::v1::Problem* problem) const;
  absl::StatusOr<cohort::v1::Demonstration> ReadDemonstration(int64_t row) const;
  // For messages: "problems.jsonl row 12 (line 13)".
  std::string Describe(int64_t row) const { return rows_->Describe(row); }

 private:
  struct RowText;  // a row as text and parsed

  Dataset(cohort::v1::DatasetSpec spec, std::unique_ptr<RowReader> rows, std::unique_ptr<const ChatRows> chats);

  absl::StatusOr<RowText> ReadRow(int64_t row) const;
  absl::StatusOr<RowText> ParseText(int64_t row, std::string text) const;
  // Prompt and answer of a row whose fields are plain strings; false: it is to be parsed, and anything may be wrong.
  bool ScanProblem(const std::string& text, cohort::v1::Problem* problem) const;
  absl::StatusOr<std::string> Prompt(const RowText& row) const;

  const cohort::v1::DatasetSpec spec_;
  const std::unique_ptr<RowReader> rows_;
  const std::unique_ptr<const ChatRows> chats_;  // null: rows have prompts
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_DATASET_H_
