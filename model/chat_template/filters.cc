// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/filters.h"

#include <algorithm>
#include <array>

namespace cohort::model::chat_template {
namespace {

constexpr std::array<std::string_view, 12> kUnsupported = {"filesizeformat", "forceescape", "groupby",  "pprint",
                                                           "random",         "striptags",   "truncate", "urlencode",
                                                           "urlize",         "wordwrap",    "xmlattr",  "wordcount"};

absl::StatusOr<Value> RefuseFilter(const Value&, const CallArguments&, const CallEnvironment&) {
  return absl::UnimplementedError("the filter is not supported");
}

}  // namespace

CallEnvironment::Filter FindFilter(std::string_view name) {
  for (const auto find : {FindTextFilter, FindNumberFilter, FindSequenceFilter, FindOrderFilter, FindSelectionFilter}) {
    const CallEnvironment::Filter filter = find(name);
    if (filter != nullptr) return filter;
  }
  const bool is_known = std::find(kUnsupported.begin(), kUnsupported.end(), name) != kUnsupported.end();
  return is_known ? RefuseFilter : nullptr;
}

}  // namespace cohort::model::chat_template
