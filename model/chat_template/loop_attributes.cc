// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/loop_attributes.h"

#include "common/status_macros.h"
#include "model/chat_template/call.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

absl::StatusOr<Value> Cycle(const Value& loop, const CallArguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    return absl::InvalidArgumentError("loop.cycle needs items");
  }
  return arguments.positional[loop.object<Loop>().index0 % arguments.positional.size()];
}

absl::StatusOr<Value> Changed(const Value& loop, const CallArguments& arguments, RenderBudget* budget) {
  if (!arguments.named.empty()) return absl::InvalidArgumentError("loop.changed takes no named arguments");
  auto& state = loop.object<Loop>();
  COHORT_ASSIGN_OR_RETURN(const Value now, budget->Sequence(Value::Kind::kTuple, arguments.positional));
  COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(state.last_changed, now, budget));
  state.last_changed = now;
  return Value::Bool(!is_equal);
}

}  // namespace

std::optional<Value> FindLoopAttribute(const Value& loop, std::string_view name) {
  const auto& state = loop.object<Loop>();
  const auto size = static_cast<int64_t>(state.items.size());
  const int64_t at = state.index0;
  if (name == "index") return Value::Integer(at + 1);
  if (name == "index0") return Value::Integer(at);
  if (name == "revindex") return Value::Integer(size - at);
  if (name == "revindex0") return Value::Integer(size - at - 1);
  if (name == "first") return Value::Bool(at == 0);
  if (name == "last") return Value::Bool(at + 1 == size);
  if (name == "length") return Value::Integer(size);
  if (name == "depth") return Value::Integer(1);
  if (name == "depth0") return Value::Integer(0);
  if (name == "previtem") return at == 0 ? Value::Undefined("there is no previous item") : state.items[at - 1];
  if (name == "nextitem") return at + 1 == size ? Value::Undefined("there is no next item") : state.items[at + 1];
  if (name == "cycle") {
    return MakeFunction(
        [loop](const CallArguments& arguments, const CallEnvironment&) { return Cycle(loop, arguments); });
  }
  if (name == "changed") {
    return MakeFunction([loop](const CallArguments& arguments, const CallEnvironment& environment) {
      return Changed(loop, arguments, environment.budget);
    });
  }
  return std::nullopt;
}

}  // namespace cohort::model::chat_template
