// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_COMPONENT_FIELDS_H_
#define COHORT_MODEL_TOKENIZER_COMPONENT_FIELDS_H_

// What the readers of tokenizer.json's components share. Torch-free.
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "model/strict_json.h"

namespace cohort::model {

inline constexpr int64_t kMaxTokenId = (int64_t{1} << 28) - 1;

// "type" of a component; empty when it has none, "null" for no component.
std::string ComponentType(const nlohmann::json* component);

// UNIMPLEMENTED: "<file>: <key>: component is not supported (<type>)".
absl::Status RefuseComponent(const JsonFields& fields, const std::string& key, const std::string& type);

// UNIMPLEMENTED for the first of the options that is present with a value which turns it on.
absl::Status RequireOff(const JsonFields& fields, std::initializer_list<const char*> keys);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_COMPONENT_FIELDS_H_
