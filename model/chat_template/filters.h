// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_FILTERS_H_
#define COHORT_MODEL_CHAT_TEMPLATE_FILTERS_H_

#include <string_view>

#include "model/chat_template/call.h"

namespace cohort::model::chat_template {

// The filters and tests of jinja2 with the changes of transformers, by name. Null for a name that is not among them.
// They return INVALID_ARGUMENT where jinja2 raises and UNIMPLEMENTED for what jinja2 has and we do not.
CallEnvironment::Filter FindFilter(std::string_view name);
CallEnvironment::Test FindTest(std::string_view name);

// The same by group; each in a file of its own.
CallEnvironment::Filter FindTextFilter(std::string_view name);
CallEnvironment::Filter FindNumberFilter(std::string_view name);
CallEnvironment::Filter FindSequenceFilter(std::string_view name);
CallEnvironment::Filter FindOrderFilter(std::string_view name);
CallEnvironment::Filter FindSelectionFilter(std::string_view name);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_FILTERS_H_
