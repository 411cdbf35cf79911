// SPDX-License-Identifier: Apache-2.0
// map, select and their kin, which apply other filters and tests by name.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/attribute_path.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

constexpr size_t kShownBytes = 40;

absl::Status Unknown(const char* what, const std::string& name) {
  return absl::InvalidArgumentError(absl::StrCat("no ", what, " named '", common::Printable(name, kShownBytes), "'"));
}

// Applies `map`'s arguments to one item.
Result MapItem(const Value& item, const Arguments& arguments, const CallEnvironment& environment) {
  if (arguments.positional.empty()) {
    COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"attribute", "default"}));
    COHORT_RETURN_IF_ERROR(Require(bound[0], "attribute"));
    return FollowPath(item, bound[0], bound[1], environment.budget);
  }
  COHORT_ASSIGN_OR_RETURN(const std::string name, TextOr(&arguments.positional[0], "", "the filter"));
  const CallEnvironment::Filter filter = environment.find_filter(name);
  if (filter == nullptr) return Unknown("filter", name);
  COHORT_RETURN_IF_ERROR(ScanTexts(item, arguments, environment.budget));
  return filter(item, arguments.Without(1), environment);
}

Result MapFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items,
                          ItemsOf(Truth(input) ? input : Value::Undefined(""), environment.budget));
  std::vector<Value> mapped;
  for (const Value& item : items) {
    COHORT_RETURN_IF_ERROR(environment.budget->Step());
    COHORT_ASSIGN_OR_RETURN(Value value, MapItem(item, arguments, environment));
    mapped.push_back(std::move(value));
  }
  return environment.budget->Sequence(Value::Kind::kIterator, std::move(mapped));
}

// What `positional[at]` names, applied to a value; without it, whether the value is true.
absl::StatusOr<bool> Passes(const Value& value, const Arguments& arguments, size_t at,
                            const CallEnvironment& environment) {
  if (arguments.positional.size() <= at) return Truth(value);
  COHORT_ASSIGN_OR_RETURN(const std::string name, TextOr(&arguments.positional[at], "", "the test"));
  const CallEnvironment::Test test = environment.find_test(name);
  if (test == nullptr) return Unknown("test", name);
  return test(value, arguments.Without(at + 1), environment);
}

struct Selection {
  bool keeps = true;  // those that pass
  bool by_attribute = false;
};

Result Select(const Value& input, const Arguments& arguments, const CallEnvironment& environment, Selection selection) {
  std::vector<Value> selected;
  if (!Truth(input)) return environment.budget->Sequence(Value::Kind::kIterator, {});
  if (selection.by_attribute && arguments.positional.empty()) {
    return absl::InvalidArgumentError("the name of the attribute is missing");
  }
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, environment.budget));
  for (const Value& item : items) {
    COHORT_RETURN_IF_ERROR(environment.budget->Step());
    const Value* const attribute = selection.by_attribute ? &arguments.positional[0] : nullptr;
    COHORT_ASSIGN_OR_RETURN(const Value part, FollowPath(item, attribute, nullptr, environment.budget));
    COHORT_ASSIGN_OR_RETURN(const bool passes, Passes(part, arguments, selection.by_attribute ? 1 : 0, environment));
    if (passes == selection.keeps) selected.push_back(item);
  }
  return environment.budget->Sequence(Value::Kind::kIterator, std::move(selected));
}

Result SelectFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return Select(input, arguments, environment, {.keeps = true, .by_attribute = false});
}
Result RejectFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return Select(input, arguments, environment, {.keeps = false, .by_attribute = false});
}
Result SelectAttrFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return Select(input, arguments, environment, {.keeps = true, .by_attribute = true});
}
Result RejectAttrFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return Select(input, arguments, environment, {.keeps = false, .by_attribute = true});
}

}  // namespace

CallEnvironment::Filter FindSelectionFilter(std::string_view name) {
  if (name == "map") return MapFilter;
  if (name == "select") return SelectFilter;
  if (name == "reject") return RejectFilter;
  if (name == "selectattr") return SelectAttrFilter;
  return name == "rejectattr" ? RejectAttrFilter : nullptr;
}

}  // namespace cohort::model::chat_template
