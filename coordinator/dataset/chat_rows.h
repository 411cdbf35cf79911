// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_CHAT_ROWS_H_
#define COHORT_COORDINATOR_DATASET_CHAT_ROWS_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/data_spec.pb.h"
#include "model/chat_template/chat_row.h"
#include "model/chat_template/chat_template.h"

namespace cohort::coordinator {

// Rows with messages as prompts, by the spec's field mapping and a model's chat template. Immutable, thread-safe.
class ChatRows final {
 public:
  // `spec.fields.messages` is set. INVALID_ARGUMENT names the field below DatasetSpec when the model has no template.
  static absl::StatusOr<std::unique_ptr<const ChatRows>> Create(
      const cohort::v1::DatasetSpec& spec, std::shared_ptr<const model::ChatTemplate> chat_template);

  // The conversation up to where the assistant answers. INVALID_ARGUMENT says what is wrong with the row, or with the
  // template on it.
  absl::StatusOr<std::string> Prompt(std::string_view row_json) const;
  // The conversation before its last message, and that message. INVALID_ARGUMENT as of RenderLastTurn.
  absl::StatusOr<model::ChatTurn> LastTurn(std::string_view row_json) const;
  // What the template adds to a row: part of what the data of a job is.
  const std::string& TemplateSource() const { return chat_template_->source(); }

 private:
  ChatRows(const cohort::v1::DatasetSpec& spec, std::shared_ptr<const model::ChatTemplate> chat_template);

  absl::StatusOr<model::Chat> ReadRow(std::string_view row_json) const;

  const model::ChatFields fields_;
  const model::Chat settings_;  // variables and date
  const std::shared_ptr<const model::ChatTemplate> chat_template_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_CHAT_ROWS_H_
