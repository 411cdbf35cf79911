// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/torch_status.h"

#include <c10/util/Exception.h>

#include <exception>
#include <string>

#include "absl/strings/str_cat.h"

namespace cohort::kernels {
namespace {

// LibTorch appends a C++ stack trace after the first line.
std::string FirstLine(const char* message) {
  const std::string text(message);
  return text.substr(0, text.find('\n'));
}

}  // namespace

absl::Status StatusFromTorch(std::string_view what, const std::function<absl::Status()>& fn) {
  const std::string prefix = std::string(what) + ": ";
  try {
    return fn();
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(absl::StrCat(prefix, FirstLine(error.what_without_backtrace())));
  } catch (const c10::Error& error) {
    const std::string message = FirstLine(error.what_without_backtrace());
    // The CPU allocator reports exhaustion as a plain error.
    if (message.find("allocate memory") != std::string::npos) {
      return absl::ResourceExhaustedError(absl::StrCat(prefix, message));
    }
    return absl::InternalError(absl::StrCat(prefix, message));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(prefix, "out of memory"));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(prefix, FirstLine(error.what())));
  }
}

}  // namespace cohort::kernels
