// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_COMPILED_TEMPLATE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_COMPILED_TEMPLATE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/syntax_tree.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

using Variables = std::vector<std::pair<std::string, Value>>;

// A parsed template in the language that Hugging Face chat templates use (docs/chat_templates.md), rendered as jinja2
// does in the sandbox of transformers. Templates may be hostile: all that they do is bounded. Immutable, thread-safe.
class CompiledTemplate final {
 public:
  // INVALID_ARGUMENT is "<name>:<line>:<column>: why".
  static absl::StatusOr<std::unique_ptr<const CompiledTemplate>> Compile(std::string_view source, std::string name);

  // Renders with the variables that `make_variables` makes under the budget of this rendering. `date` is what
  // strftime_now tells: a day (see CheckDate), or empty, and the function is undefined. INVALID_ARGUMENT where jinja2
  // raises, RESOURCE_EXHAUSTED when a limit is met, UNIMPLEMENTED for what is not supported, each as Compile's.
  absl::StatusOr<std::string> Render(
      const std::function<absl::StatusOr<Variables>(RenderBudget* budget)>& make_variables, const std::string& date,
      const RenderLimits& limits = RenderLimits()) const;

 private:
  CompiledTemplate(Body body, std::string name) : body_(std::move(body)), name_(std::move(name)) {}

  const Body body_;
  const std::string name_;
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_COMPILED_TEMPLATE_H_
