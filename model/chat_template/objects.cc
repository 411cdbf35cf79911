// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/objects.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model::chat_template {

int64_t Range::Size() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

std::string KeyOfText(const std::string& text) { return absl::StrCat("s", text); }

absl::StatusOr<std::string> KeyOf(const Value& key) {
  switch (key.kind()) {
    case Value::Kind::kNone:
      return std::string("none");
    case Value::Kind::kUndefined:
      return std::string("undefined");
    case Value::Kind::kBool:
    case Value::Kind::kInteger:
      return absl::StrCat("i", key.integer());
    case Value::Kind::kFloat: {
      const double number = key.number();
      const bool is_whole = std::floor(number) == number && std::fabs(number) < 9e18;
      if (is_whole) return absl::StrCat("i", static_cast<int64_t>(number));
      return absl::StrCat("f", std::string(reinterpret_cast<const char*>(&number), sizeof number));
    }
    case Value::Kind::kString:
      return KeyOfText(key.text());
    case Value::Kind::kTuple: {
      std::string joined = "t";
      for (const Value& item : key.items()) {
        COHORT_ASSIGN_OR_RETURN(const std::string part, KeyOf(item));
        absl::StrAppend(&joined, part.size(), ":", part);
      }
      return joined;
    }
    case Value::Kind::kList:
    case Value::Kind::kDict:
      return absl::InvalidArgumentError(absl::StrCat("unhashable type: '", TypeName(key), "'"));
    default:
      return absl::StrCat("p", reinterpret_cast<uintptr_t>(key.identity()));
  }
}

}  // namespace cohort::model::chat_template
