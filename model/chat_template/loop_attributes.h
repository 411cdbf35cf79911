// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_LOOP_ATTRIBUTES_H_
#define COHORT_MODEL_CHAT_TEMPLATE_LOOP_ATTRIBUTES_H_

#include <optional>
#include <string_view>

#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// loop.<name> of a value of kind kLoop: index, index0, revindex, revindex0, first, last, length, previtem, nextitem,
// depth, depth0, cycle(...), changed(...). Nothing for another name.
std::optional<Value> FindLoopAttribute(const Value& loop, std::string_view name);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_LOOP_ATTRIBUTES_H_
