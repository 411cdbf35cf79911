// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_CALL_H_
#define COHORT_MODEL_CHAT_TEMPLATE_CALL_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/objects.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // The arguments without the first `count` positional ones.
  CallArguments Without(size_t count) const;
};

// What a function of the template language works with. Filters that apply filters and tests by name reach them here.
struct CallEnvironment {
  using Filter = absl::StatusOr<Value> (*)(const Value& input, const CallArguments& arguments,
                                           const CallEnvironment& environment);
  using Test = absl::StatusOr<bool> (*)(const Value& input, const CallArguments& arguments,
                                        const CallEnvironment& environment);

  RenderBudget* budget = nullptr;
  Filter (*find_filter)(std::string_view name) = nullptr;  // null when there is none of that name
  Test (*find_test)(std::string_view name) = nullptr;
};

// A value that can be called. Called while its template is rendered; not thread-safe.
class Callable : public Cyclic {
 public:
  virtual absl::StatusOr<Value> Call(const CallArguments& arguments, const CallEnvironment& environment) = 0;
};

// A callable that is a function of its arguments.
class FunctionCallable final : public Callable {
 public:
  using Function = std::function<absl::StatusOr<Value>(const CallArguments&, const CallEnvironment&)>;

  FunctionCallable(Function function, int levels) : function_(std::move(function)) { depth = levels; }
  absl::StatusOr<Value> Call(const CallArguments& arguments, const CallEnvironment& environment) override {
    return function_(arguments, environment);
  }
  void Clear() override { function_ = nullptr; }

 private:
  Function function_;
};

// `depth` is of the values that the function holds.
Value MakeFunction(FunctionCallable::Function function, int depth = 0);

// Counts that a function looks through the texts that it is given, and through `self`.
absl::Status ScanTexts(const Value& self, const CallArguments& arguments, RenderBudget* budget);

// The arguments by the names of the parameters; null for one that is not given. INVALID_ARGUMENT for too many, unknown
// and repeated ones. The pointers are into `arguments`.
absl::StatusOr<std::vector<const Value*>> Bind(const CallArguments& arguments,
                                               std::initializer_list<const char*> names);

// Typed reading of arguments that Bind has found; `fallback` when null. INVALID_ARGUMENT names `what`.
absl::StatusOr<int64_t> IntegerOr(const Value* value, int64_t fallback, const char* what);
absl::StatusOr<std::string> TextOr(const Value* value, std::string_view fallback, const char* what);
bool TruthOr(const Value* value, bool fallback);
// INVALID_ARGUMENT when null.
absl::Status Require(const Value* value, const char* what);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_CALL_H_
