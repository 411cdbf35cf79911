// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/host_boot_id.h"

#include "absl/strings/ascii.h"
#include "common/files.h"

namespace cohort::model {

std::string HostBootId() {
  const absl::StatusOr<std::string> text = common::ReadFile("/proc/sys/kernel/random/boot_id");
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : std::string();
}

}  // namespace cohort::model
