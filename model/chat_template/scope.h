// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_SCOPE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_SCOPE_H_

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// The variables of one block and, through its parent, of those around it. Not thread-safe.
class Scope final {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}

  void Set(const std::string& name, Value value) { variables_.insert_or_assign(name, std::move(value)); }
  // The innermost variable of that name, or null.
  const Value* Find(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
      const auto found = scope->variables_.find(name);
      if (found != scope->variables_.end()) return &found->second;
    }
    return nullptr;
  }

 private:
  std::unordered_map<std::string, Value> variables_;
  const std::shared_ptr<Scope> parent_;
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_SCOPE_H_
