// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_OBJECTS_H_
#define COHORT_MODEL_CHAT_TEMPLATE_OBJECTS_H_

// What the kinds of a Value refer to. Plain records; see Value for sharing and threads.
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

struct Dict final : Object {
  std::vector<std::pair<Value, Value>> entries;   // in order of insertion
  std::unordered_map<std::string, size_t> index;  // by RenderBudget::KeyOf
};

struct Range final : Object {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  int64_t Size() const;
  Value At(int64_t i) const { return Value::Integer(start + i * step); }
};

// What can be part of a cycle of references: cleared when the rendering ends.
struct Cyclic : Object {
  virtual void Clear() = 0;
};

struct Namespace final : Cyclic {
  std::unordered_map<std::string, Value> attributes;
  void Clear() override { attributes.clear(); }
};

// State of a loop, behind the variable `loop`.
struct Loop final : Cyclic {
  std::vector<Value> items;
  int64_t index0 = 0;
  Value last_changed;
  void Clear() override {
    items.clear();
    last_changed = Value();
  }
};

// RenderBudget::KeyOf of a string.
std::string KeyOfText(const std::string& text);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_OBJECTS_H_
