// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/globals.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/call.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

constexpr int64_t kMaxRange = 100'000;  // the sandbox's own bound
constexpr size_t kMaxFormatBytes = 256;
constexpr size_t kShownBytes = 40;

Result MakeRange(const Arguments& arguments, const CallEnvironment&) {
  const size_t count = arguments.positional.size();
  if (count == 0 || count > 3 || !arguments.named.empty())
    return absl::InvalidArgumentError("range takes 1 to 3 integers");
  std::vector<int64_t> numbers;
  for (const Value& argument : arguments.positional) {
    COHORT_ASSIGN_OR_RETURN(const int64_t number, IntegerOr(&argument, 0, "a bound of range"));
    // Within these no difference overflows, and no range that is allowed lies outside of them.
    if (number > INT64_MAX / 4 || number < INT64_MIN / 4) return absl::InvalidArgumentError("range is too big");
    numbers.push_back(number);
  }
  auto range = std::make_shared<Range>();
  range->start = count == 1 ? 0 : numbers[0];
  range->stop = count == 1 ? numbers[0] : numbers[1];
  range->step = count == 3 ? numbers[2] : 1;
  if (range->step == 0) return absl::InvalidArgumentError("the step of range must not be 0");
  if (range->Size() > kMaxRange) return absl::InvalidArgumentError("range is too big");
  return Value(Value::Kind::kRange, std::move(range));
}

using Entries = std::vector<std::pair<Value, Value>>;

// The entries of dict(mapping or pairs, name=value ...).
absl::StatusOr<Entries> EntriesOf(const Arguments& arguments, RenderBudget* budget) {
  Entries entries;
  if (arguments.positional.size() > 1) return absl::InvalidArgumentError("dict takes at most 1 positional argument");
  if (!arguments.positional.empty() && arguments.positional[0].Is(Value::Kind::kDict)) {
    entries = arguments.positional[0].object<Dict>().entries;
  } else if (!arguments.positional.empty()) {
    COHORT_ASSIGN_OR_RETURN(const std::vector<Value> pairs, ItemsOf(arguments.positional[0], budget));
    for (const Value& pair : pairs) {
      COHORT_ASSIGN_OR_RETURN(const std::vector<Value> parts, ItemsOf(pair, budget));
      if (parts.size() != 2) return absl::InvalidArgumentError("dict needs pairs");
      entries.emplace_back(parts[0], parts[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    COHORT_ASSIGN_OR_RETURN(Value key, budget->String(name));
    entries.emplace_back(std::move(key), value);
  }
  return entries;
}

Result MakeDict(const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const Entries entries, EntriesOf(arguments, environment.budget));
  return environment.budget->Dictionary(entries);
}

Result MakeNamespace(const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const Entries entries, EntriesOf(arguments, environment.budget));
  auto made = std::make_shared<Namespace>();
  environment.budget->Keep(made);
  for (const auto& [key, value] : entries) {
    if (!key.IsString()) return absl::InvalidArgumentError("the attributes of a namespace must be strings");
    if (absl::StartsWith(key.text(), "_")) {
      return absl::InvalidArgumentError("a namespace takes no attribute that begins with _");
    }
    COHORT_RETURN_IF_ERROR(environment.budget->Reserve(static_cast<int64_t>(key.text().size() + 2 * sizeof(Value))));
    made->attributes[key.text()] = value;
  }
  COHORT_RETURN_IF_ERROR(environment.budget->Reserve(sizeof(Namespace)));
  return Value(Value::Kind::kNamespace, std::move(made));
}

Result RaiseException(const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"message"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "message"));
  COHORT_ASSIGN_OR_RETURN(const std::string message, Str(*bound[0], environment.budget));
  return absl::InvalidArgumentError(absl::StrCat("the template raises: ", common::Printable(message, 400)));
}

// The day at midnight, without a time zone, as Python's strftime prints it.
Result StrftimeNow(const absl::CivilDay& day, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"format"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "format"));
  COHORT_ASSIGN_OR_RETURN(std::string format, TextOr(bound[0], "", "format"));
  if (format.size() > kMaxFormatBytes) return absl::InvalidArgumentError("the format of strftime_now is too long");
  format = absl::StrReplaceAll(format, {{"%%", "%%"}, {"%Z", ""}, {"%z", ""}, {"%f", "000000"}, {"%s", "%%s"}});
  std::tm time = {};
  time.tm_year = static_cast<int>(day.year()) - 1900;
  time.tm_mon = day.month() - 1;
  time.tm_mday = day.day();
  time.tm_wday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;  // Abseil counts from Monday
  time.tm_yday = absl::GetYearDay(day) - 1;
  char text[4096];
  const size_t size = std::strftime(text, sizeof text, format.c_str(), &time);
  return budget->String(std::string(text, size));
}

FunctionCallable::Function Refuse(const char* name) {
  const absl::Status status = absl::UnimplementedError(absl::StrCat(name, " is not supported"));
  return [status](const Arguments&, const CallEnvironment&) { return status; };
}

bool ParseDay(const std::string& date, absl::CivilDay* day) { return absl::ParseCivilTime(date, day); }

}  // namespace

absl::Status CheckDate(const std::string& date) {
  absl::CivilDay day;
  const bool is_day = date.size() == 10 && ParseDay(date, &day) && day.year() >= 1900 && day.year() <= 9999;
  if (date.empty() || is_day) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("must be a day like 2024-07-26 (", common::Printable(date, kShownBytes), ")"));
}

void SetGlobals(const std::string& date, Scope* scope) {
  scope->Set("range", MakeFunction(MakeRange));
  scope->Set("dict", MakeFunction(MakeDict));
  scope->Set("namespace", MakeFunction(MakeNamespace));
  scope->Set("raise_exception", MakeFunction(RaiseException));
  for (const char* name : {"cycler", "joiner", "lipsum"}) scope->Set(name, MakeFunction(Refuse(name)));
  absl::CivilDay day;
  if (date.empty() || !ParseDay(date, &day)) {
    scope->Set("strftime_now", Value::Undefined("'strftime_now' is undefined: no date is set"));
    return;
  }
  scope->Set("strftime_now", MakeFunction([day](const Arguments& arguments, const CallEnvironment& environment) {
               return StrftimeNow(day, arguments, environment.budget);
             }));
}

}  // namespace cohort::model::chat_template
