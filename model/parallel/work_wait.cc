// SPDX-License-Identifier: Apache-2.0
#include "model/parallel/work_wait.h"

#include <chrono>
#include <exception>
#include <thread>

#include "absl/strings/str_cat.h"

namespace cohort::model {
namespace {

constexpr std::chrono::microseconds kPollInterval(50);

void ThrowIfFailed(const c10d::Work& work) {
  if (const std::exception_ptr error = work.exception()) std::rethrow_exception(error);
}

}  // namespace

absl::Status WaitOnHost(c10d::Work& work, absl::Duration timeout) {
  const auto start = std::chrono::steady_clock::now();
  while (!work.isCompleted()) {
    if (absl::FromChrono(std::chrono::steady_clock::now() - start) > timeout) {
      return absl::DeadlineExceededError(
          absl::StrCat("a peer did not take part within ", absl::FormatDuration(timeout)));
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  ThrowIfFailed(work);
  const bool is_done = work.wait();
  ThrowIfFailed(work);  // what went wrong since; wait() of a backend need not throw it
  return is_done ? absl::OkStatus() : absl::UnavailableError("the collective was aborted");
}

}  // namespace cohort::model
