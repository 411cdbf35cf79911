// SPDX-License-Identifier: Apache-2.0
// Methods of str that change or split it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/str_format.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

constexpr int64_t kMaxPadding = 100'000;

// As `self`: the methods of a text marked as safe give such texts.
Result Like(const Value& self, std::string text, RenderBudget* budget) {
  return budget->String(std::move(text), self.is_markup());
}

template <std::string (*kChange)(std::string_view)>
Result ChangeCase(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size()) * 4));
  return Like(self, kChange(self.text()), budget);
}

template <StripSide kSide>
Result StripMethod(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"chars"}));
  if (bound[0] == nullptr || bound[0]->IsNone()) return Like(self, std::string(Strip(self.text(), kSide)), budget);
  COHORT_ASSIGN_OR_RETURN(const std::string characters, TextOr(bound[0], "", "chars"));
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(characters.size()) * 8));
  return Like(self, std::string(StripCharacters(self.text(), characters, kSide)), budget);
}

Result Pieces(const Value& self, const std::vector<std::string_view>& pieces, RenderBudget* budget) {
  std::vector<Value> values;
  for (const std::string_view piece : pieces) {
    COHORT_ASSIGN_OR_RETURN(Value value, Like(self, std::string(piece), budget));
    values.push_back(std::move(value));
  }
  return budget->Sequence(Value::Kind::kList, std::move(values));
}

std::vector<std::string_view> SplitSpace(std::string_view text, int64_t most) {
  std::vector<std::string_view> pieces;
  text = Strip(text, StripSide::kLeft);
  while (!text.empty() && static_cast<int64_t>(pieces.size()) != most) {
    size_t end = 0;
    for (size_t next = 0; end < text.size(); end = next) {
      if (IsSpace(NextCharacter(text, &next))) break;
    }
    pieces.push_back(text.substr(0, end));
    text = Strip(text.substr(end), StripSide::kLeft);
  }
  if (!text.empty()) pieces.push_back(text);
  return pieces;
}

std::vector<std::string_view> SplitSpaceFromRight(std::string_view text, int64_t most) {
  std::vector<std::string_view> pieces;
  text = Strip(text, StripSide::kRight);
  while (!text.empty() && static_cast<int64_t>(pieces.size()) != most) {
    size_t start = 0;
    for (size_t at = 0; at < text.size();) {
      if (IsSpace(NextCharacter(text, &at))) start = at;
    }
    pieces.push_back(text.substr(start));
    text = Strip(text.substr(0, start), StripSide::kRight);
  }
  if (!text.empty()) pieces.push_back(text);
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator, int64_t most) {
  std::vector<std::string_view> pieces;
  size_t start = 0;
  while (static_cast<int64_t>(pieces.size()) != most) {
    const size_t found = FindText(text, separator, start);
    if (found == std::string_view::npos) break;
    pieces.push_back(text.substr(start, found - start));
    start = found + separator.size();
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

std::vector<std::string_view> SplitAtFromRight(std::string_view text, std::string_view separator, int64_t most) {
  std::vector<std::string_view> pieces;
  while (static_cast<int64_t>(pieces.size()) != most) {
    const size_t found = text.rfind(separator);
    if (found == std::string_view::npos) break;
    pieces.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  pieces.push_back(text);
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

template <bool kFromRight>
Result Split(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sep", "maxsplit"}));
  COHORT_ASSIGN_OR_RETURN(const int64_t most, IntegerOr(bound[1], -1, "maxsplit"));
  const auto size = static_cast<int64_t>(self.text().size());
  COHORT_RETURN_IF_ERROR(budget->Scan(size * 4));
  if (bound[0] == nullptr || bound[0]->IsNone()) {
    // From the right every piece looks through the text anew.
    if (kFromRight) COHORT_RETURN_IF_ERROR(budget->Scan(size * std::min<int64_t>(size, most < 0 ? size : most) / 8));
    return Pieces(self, kFromRight ? SplitSpaceFromRight(self.text(), most) : SplitSpace(self.text(), most), budget);
  }
  COHORT_ASSIGN_OR_RETURN(const std::string separator, TextOr(bound[0], "", "sep"));
  if (separator.empty()) return absl::InvalidArgumentError("empty separator");
  if (!kFromRight) return Pieces(self, SplitAt(self.text(), separator, most), budget);
  COHORT_RETURN_IF_ERROR(budget->Scan(size * static_cast<int64_t>(separator.size()) / 4));
  return Pieces(self, SplitAtFromRight(self.text(), separator, most), budget);
}

Result SplitLinesMethod(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"keepends"}));
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(self.text().size()) * 4));
  return Pieces(self, SplitLines(self.text(), TruthOr(bound[0], false)), budget);
}

template <bool kFromRight>
Result Partition(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"sep"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "sep"));
  COHORT_ASSIGN_OR_RETURN(const std::string separator, TextOr(bound[0], "", "sep"));
  if (separator.empty()) return absl::InvalidArgumentError("empty separator");
  const std::string& text = self.text();
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(text.size() * (kFromRight ? separator.size() : 1))));
  const size_t found = kFromRight ? text.rfind(separator) : FindText(text, separator, 0);
  std::vector<std::string_view> pieces = {text, "", ""};
  if (found != std::string::npos) {
    const std::string_view view = text;
    pieces = {view.substr(0, found), separator, view.substr(found + separator.size())};
  } else if (kFromRight) {
    std::swap(pieces[0], pieces[2]);
  }
  COHORT_ASSIGN_OR_RETURN(const Value list, Pieces(self, pieces, budget));
  return budget->Sequence(Value::Kind::kTuple, list.items());
}

Result Join(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"iterable"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "iterable"));
  if (self.is_markup()) return absl::UnimplementedError("join of a text marked as safe is not supported");
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(*bound[0], budget));
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(const std::string piece, TextOr(&items[i], "", "an item of join"));
    COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(piece.size() + self.text().size())));
    if (i > 0) text += self.text();
    text += piece;
  }
  return budget->String(std::move(text));
}

template <bool kAtEnd>
Result RemoveAffix(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"affix"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "prefix or suffix"));
  COHORT_ASSIGN_OR_RETURN(const std::string affix, TextOr(bound[0], "", "prefix or suffix"));
  std::string text = self.text();
  if (affix.size() > text.size()) return Like(self, std::move(text), budget);
  const size_t at = kAtEnd ? text.size() - affix.size() : 0;
  if (text.compare(at, affix.size(), affix) == 0) text.erase(at, affix.size());
  return Like(self, std::move(text), budget);
}

enum class Side { kLeft, kRight, kCenter, kZeros };

template <Side kSide>
Result Justify(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"width", "fillchar"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "width"));
  COHORT_ASSIGN_OR_RETURN(const int64_t width, IntegerOr(bound[0], 0, "width"));
  COHORT_ASSIGN_OR_RETURN(const std::string fill, TextOr(bound[1], kSide == Side::kZeros ? "0" : " ", "fillchar"));
  if (NumCharacters(fill) != 1) return absl::InvalidArgumentError("the fill character must be one character");
  const int64_t missing = std::max<int64_t>(0, width - NumCharacters(self.text()));
  if (missing > kMaxPadding) return absl::ResourceExhaustedError("a width is too large");
  const auto padding = [&](int64_t count) {
    std::string text;
    for (int64_t i = 0; i < count; ++i) text += fill;
    return text;
  };
  const std::string& text = self.text();
  if (kSide == Side::kLeft) return Like(self, text + padding(missing), budget);
  if (kSide == Side::kRight) return Like(self, padding(missing) + text, budget);
  if (kSide == Side::kZeros) {
    const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    return Like(self, text.substr(0, sign) + padding(missing) + text.substr(sign), budget);
  }
  const int64_t left = missing / 2 + (missing & width & 1);
  return Like(self, padding(left) + text + padding(missing - left), budget);
}

Result Replace(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"old", "new", "count"}));
  COHORT_RETURN_IF_ERROR(Require(bound[1], "new"));
  COHORT_ASSIGN_OR_RETURN(const std::string old, TextOr(bound[0], "", "old"));
  COHORT_ASSIGN_OR_RETURN(std::string replacement, TextOr(bound[1], "", "new"));
  COHORT_ASSIGN_OR_RETURN(const int64_t count, IntegerOr(bound[2], -1, "count"));
  if (self.is_markup() && !bound[1]->is_markup()) replacement = HtmlEscaped(replacement);
  COHORT_ASSIGN_OR_RETURN(std::string text, ReplaceText({self.text(), old, replacement, count}, budget));
  return Like(self, std::move(text), budget);
}

Result Format(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  return StrFormat(self, arguments, budget);
}

}  // namespace

Method FindStringMethod(std::string_view name) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"capitalize", ChangeCase<Capitalize>},
      {"center", Justify<Side::kCenter>},
      {"format", Format},
      {"join", Join},
      {"ljust", Justify<Side::kLeft>},
      {"lower", ChangeCase<Lower>},
      {"lstrip", StripMethod<StripSide::kLeft>},
      {"partition", Partition<false>},
      {"removeprefix", RemoveAffix<false>},
      {"removesuffix", RemoveAffix<true>},
      {"replace", Replace},
      {"rjust", Justify<Side::kRight>},
      {"rpartition", Partition<true>},
      {"rsplit", Split<true>},
      {"rstrip", StripMethod<StripSide::kRight>},
      {"split", Split<false>},
      {"splitlines", SplitLinesMethod},
      {"strip", StripMethod<StripSide::kBoth>},
      {"title", ChangeCase<Title>},
      {"upper", ChangeCase<Upper>},
      {"zfill", Justify<Side::kZeros>},
  };
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return nullptr;
}

}  // namespace cohort::model::chat_template
