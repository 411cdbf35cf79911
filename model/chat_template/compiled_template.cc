// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/compiled_template.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/globals.h"
#include "model/chat_template/renderer.h"
#include "model/chat_template/template_parser.h"

namespace cohort::model::chat_template {
namespace {

absl::Status InTemplate(const std::string& name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(name, ":", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const CompiledTemplate>> CompiledTemplate::Compile(std::string_view source,
                                                                                  std::string name) {
  absl::StatusOr<Body> body = ParseTemplate(source);
  if (!body.ok()) return InTemplate(name, body.status());
  return std::unique_ptr<const CompiledTemplate>(new CompiledTemplate(*std::move(body), std::move(name)));
}

absl::StatusOr<std::string> CompiledTemplate::Render(
    const std::function<absl::StatusOr<Variables>(RenderBudget* budget)>& make_variables, const std::string& date,
    const RenderLimits& limits) const {
  RenderBudget budget(limits);
  Renderer renderer({.budget = &budget, .find_filter = FindFilter, .find_test = FindTest});
  const auto globals = std::make_shared<Scope>(nullptr);
  SetGlobals(date, globals.get());
  COHORT_ASSIGN_OR_RETURN(const Variables variables, make_variables(&budget));
  for (const auto& [name, value] : variables) globals->Set(name, value);
  std::string text;
  const absl::Status status = renderer.Render(body_, std::make_shared<Scope>(globals), &text);
  if (!status.ok()) return InTemplate(name_, status);
  return text;
}

}  // namespace cohort::model::chat_template
