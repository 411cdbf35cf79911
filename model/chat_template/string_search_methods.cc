// SPDX-License-Identifier: Apache-2.0
// Methods of str that look into it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/status_macros.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

// The part of a text between two character indices, as a slice takes it.
struct Clip {
  std::string_view text;
  int64_t start = 0;  // characters before it
  bool is_valid = true;
};

absl::StatusOr<Clip> ClipText(const Value& self, const Value* start, const Value* end) {
  const int64_t size = NumCharacters(self.text());
  COHORT_ASSIGN_OR_RETURN(int64_t first, IntegerOr(start != nullptr && start->IsNone() ? nullptr : start, 0, "start"));
  COHORT_ASSIGN_OR_RETURN(int64_t last, IntegerOr(end != nullptr && end->IsNone() ? nullptr : end, size, "end"));
  first = std::max<int64_t>(0, first < 0 ? first + size : first);
  last = std::clamp<int64_t>(last < 0 ? last + size : last, 0, size);
  if (first > last) return Clip{"", first, false};
  size_t from = 0;
  for (int64_t i = 0; i < first; ++i) NextCharacter(self.text(), &from);
  size_t to = from;
  for (int64_t i = first; i < last; ++i) NextCharacter(self.text(), &to);
  return Clip{std::string_view(self.text()).substr(from, to - from), first, true};
}

template <bool kAtEnd>
Result HasAffix(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"affix", "start", "end"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "prefix or suffix"));
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size())));
  COHORT_ASSIGN_OR_RETURN(const Clip clip, ClipText(self, bound[1], bound[2]));
  const bool is_tuple = bound[0]->Is(Value::Kind::kTuple);
  const size_t count = is_tuple ? bound[0]->items().size() : 1;
  for (size_t i = 0; i < count; ++i) {
    const Value& affix = is_tuple ? bound[0]->items()[i] : *bound[0];
    COHORT_RETURN_IF_ERROR(ScanTexts(affix, {}, budget));
    COHORT_ASSIGN_OR_RETURN(const std::string text, TextOr(&affix, "", "prefix or suffix"));
    if (!clip.is_valid || text.size() > clip.text.size()) continue;
    if (clip.text.substr(kAtEnd ? clip.text.size() - text.size() : 0, text.size()) == text) return Value::Bool(true);
  }
  return Value::Bool(false);
}

struct Search {
  bool is_from_right = false;
  bool must_find = false;
};

Result Find(const Value& self, const Arguments& arguments, RenderBudget* budget, Search search) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sub", "start", "end"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "sub"));
  COHORT_ASSIGN_OR_RETURN(const std::string sub, TextOr(bound[0], "", "sub"));
  COHORT_ASSIGN_OR_RETURN(const Clip clip, ClipText(self, bound[1], bound[2]));
  const auto size = static_cast<int64_t>(self.text().size());
  COHORT_RETURN_IF_ERROR(budget->Scan(search.is_from_right ? size * static_cast<int64_t>(sub.size() + 1) : size));
  size_t found = std::string::npos;
  if (clip.is_valid) found = search.is_from_right ? clip.text.rfind(sub) : FindText(clip.text, sub, 0);
  if (found != std::string::npos) return Value::Integer(clip.start + NumCharacters(clip.text.substr(0, found)));
  if (search.must_find) return absl::InvalidArgumentError("substring not found");
  return Value::Integer(-1);
}

Result FindFirst(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  return Find(self, arguments, budget, {.is_from_right = false, .must_find = false});
}
Result FindLast(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  return Find(self, arguments, budget, {.is_from_right = true, .must_find = false});
}
Result IndexFirst(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  return Find(self, arguments, budget, {.is_from_right = false, .must_find = true});
}
Result IndexLast(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  return Find(self, arguments, budget, {.is_from_right = true, .must_find = true});
}

Result Count(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sub", "start", "end"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "sub"));
  COHORT_ASSIGN_OR_RETURN(const std::string sub, TextOr(bound[0], "", "sub"));
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size()) * 4));
  COHORT_ASSIGN_OR_RETURN(const Clip clip, ClipText(self, bound[1], bound[2]));
  if (!clip.is_valid) return Value::Integer(0);
  if (sub.empty()) return Value::Integer(NumCharacters(clip.text) + 1);
  int64_t count = 0;
  for (size_t at = FindText(clip.text, sub, 0); at != std::string::npos;
       at = FindText(clip.text, sub, at + sub.size())) {
    ++count;
  }
  return Value::Integer(count);
}

// Whether every character is of the class. Letters and digits beyond ASCII are not known here.
template <bool (*kIsOfClass)(unsigned char)>
Result IsAscii(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size())));
  bool is_of_class = !self.text().empty();
  for (const char c : self.text()) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      return absl::UnimplementedError("the classes of characters beyond ASCII are not supported");
    }
    is_of_class = is_of_class && kIsOfClass(static_cast<unsigned char>(c));
  }
  return Value::Bool(is_of_class);
}

Result IsSpaces(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size())));
  return Value::Bool(!self.text().empty() && Strip(self.text(), StripSide::kBoth).empty());
}

template <bool kUpper>
Result IsCase(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size()) * 4));
  return Value::Bool(HasOneCase(self.text(), kUpper));
}

}  // namespace

Method FindStringSearchMethod(std::string_view name) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"count", Count},
      {"endswith", HasAffix<true>},
      {"find", FindFirst},
      {"index", IndexFirst},
      {"isalnum", IsAscii<absl::ascii_isalnum>},
      {"isalpha", IsAscii<absl::ascii_isalpha>},
      {"isdigit", IsAscii<absl::ascii_isdigit>},
      {"islower", IsCase<false>},
      {"isspace", IsSpaces},
      {"isupper", IsCase<true>},
      {"rfind", FindLast},
      {"rindex", IndexLast},
      {"startswith", HasAffix<false>},
  };
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return nullptr;
}

}  // namespace cohort::model::chat_template
