// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_SOURCE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_SOURCE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model::chat_template {

// What a model folder says about its chat template.
struct TemplateSource {
  struct Named {
    std::string name;  // of the file, for errors: "/models/qwen3/chat_template.jinja"
    std::string text;  // empty: there is none
  };

  Named general;
  Named for_tools;                                                  // for conversations with tools
  std::vector<std::pair<std::string, std::string>> special_tokens;  // "bos_token" and its text
};

// NOT_FOUND when the folder has no template, INVALID_ARGUMENT names file and key.
absl::StatusOr<TemplateSource> ReadTemplateSource(std::string_view directory);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_SOURCE_H_
