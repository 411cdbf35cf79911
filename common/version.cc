// SPDX-License-Identifier: Apache-2.0
#include "common/version.h"

namespace cohort::common {

std::string CompilerText() {
#ifdef __clang__
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}

std::string BuildModeText() {
#ifdef __OPTIMIZE__
  std::string mode = "optimized";
#else
  std::string mode = "debug";
#endif
#ifdef __SANITIZE_ADDRESS__
  mode += ", address sanitizer";
#endif
#ifdef COHORT_TSAN  // .bazelrc; gcc's own macro is switched off there
  mode += ", thread sanitizer";
#endif
  return mode;
}

}  // namespace cohort::common
