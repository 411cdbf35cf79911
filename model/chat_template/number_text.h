// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_NUMBER_TEXT_H_
#define COHORT_MODEL_CHAT_TEMPLATE_NUMBER_TEXT_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace cohort::model::chat_template {

// int(text, base) of Python for integers of 64 bits; `base` 0 or 2 to 36. Nothing when it is not one. Pure.
std::optional<int64_t> IntegerFromText(std::string_view text, int64_t base);
// float(text) of Python. Nothing when it is not one. Pure.
std::optional<double> FloatFromText(std::string_view text);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_NUMBER_TEXT_H_
