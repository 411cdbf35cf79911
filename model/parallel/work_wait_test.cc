// SPDX-License-Identifier: Apache-2.0
#include "model/parallel/work_wait.h"

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>

#include "absl/strings/match.h"
#include "kernels/torch/torch_status.h"

namespace cohort::model {
namespace {

// A collective that ends after `polls` looks at it, as NCCL's does: completed whether it failed or not, and a wait()
// that throws nothing.
class FakeWork final : public c10d::Work {
 public:
  explicit FakeWork(int polls) : polls_(polls) {}

  bool isCompleted() override { return ended_ = ended_ || polls_-- == 0; }
  std::exception_ptr exception() const override { return ended_ ? error : nullptr; }
  bool wait(std::chrono::milliseconds) override {
    is_waited_for = true;
    if (error_of_wait != nullptr) error = error_of_wait;
    return result;
  }

  std::exception_ptr error, error_of_wait;
  bool result = true;
  bool is_waited_for = false;

 private:
  int polls_;
  bool ended_ = false;
};

constexpr int kNever = -1;
const std::exception_ptr kRemoteError =
    std::make_exception_ptr(std::runtime_error("NCCL error: remote process exited"));

absl::Status Wait(FakeWork* work, absl::Duration timeout = absl::Hours(1)) {
  return kernels::StatusFromTorch("all-reduce", [&] { return WaitOnHost(*work, timeout); });
}

TEST(WaitOnHostTest, EndsWhenTheWorkDoesAndOrdersTheStreamBehindIt) {
  FakeWork work(3);
  EXPECT_TRUE(Wait(&work).ok());
  EXPECT_TRUE(work.is_waited_for);
}

TEST(WaitOnHostTest, ErrorThatCompletedTheWorkIsNoSuccess) {
  FakeWork work(2);
  work.error = kRemoteError;
  const absl::Status status = Wait(&work);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), "remote process exited")) << status;
}

TEST(WaitOnHostTest, ErrorThatComesWhileTheStreamIsOrderedIsNoSuccess) {
  FakeWork work(0);
  work.error_of_wait = kRemoteError;
  EXPECT_TRUE(absl::StrContains(Wait(&work).message(), "remote process exited"));
}

TEST(WaitOnHostTest, AbortedWorkIsUnavailable) {
  FakeWork work(0);
  work.result = false;
  EXPECT_EQ(Wait(&work).code(), absl::StatusCode::kUnavailable);
}

TEST(WaitOnHostTest, WorkThatNeverEndsRunsIntoTheDeadline) {
  FakeWork work(kNever);
  const absl::Status status = Wait(&work, absl::ZeroDuration());
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_FALSE(work.is_waited_for);
}

}  // namespace
}  // namespace cohort::model
