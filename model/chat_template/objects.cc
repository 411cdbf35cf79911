// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/objects.h"

#include "absl/strings/str_cat.h"

namespace cohort::model::chat_template {

int64_t Range::Size() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

std::string KeyOfText(const std::string& text) { return absl::StrCat("s", text); }

}  // namespace cohort::model::chat_template
