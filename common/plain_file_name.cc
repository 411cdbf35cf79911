// SPDX-License-Identifier: Apache-2.0
#include "common/plain_file_name.h"

#include <algorithm>
#include <cstddef>

#include "common/utf8.h"

namespace cohort::common {
namespace {

constexpr size_t kMaxBytes = 255;  // of ext4, xfs and most others

bool IsForbidden(unsigned char c) { return c == '/' || c == '\\' || c < ' ' || c == 0x7F; }

}  // namespace

bool IsPlainFileName(std::string_view name) {
  if (name.empty() || name.size() > kMaxBytes || name == "." || name == "..") return false;
  return IsValidUtf8(name) && std::none_of(name.begin(), name.end(), IsForbidden);
}

}  // namespace cohort::common
