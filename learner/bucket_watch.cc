// SPDX-License-Identifier: Apache-2.0
#include "learner/bucket_watch.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cohort::learner {
namespace {

namespace impl = torch::autograd::impl;

// Runs when autograd has added a parameter's gradient to the buffer, all uses of the parameter together.
class GradientHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit GradientHook(std::function<void()> on_gradient) : on_gradient_(std::move(on_gradient)) {}
  void operator()(const torch::autograd::Variable&) override { on_gradient_(); }

 private:
  const std::function<void()> on_gradient_;
};

}  // namespace

BucketWatch::BucketWatch(const FlatParameters* parameters, std::function<void(int64_t)> on_complete)
    : parameters_(parameters),
      on_complete_(std::move(on_complete)),
      has_gradient_(parameters->layout().spans.size(), false) {
  const std::vector<FlatBucket>& buckets = parameters->layout().buckets;
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    num_missing_.push_back(buckets[bucket].num_spans);
    for (size_t i = 0; i < buckets[bucket].num_spans; ++i) {
      const size_t span = buckets[bucket].first_span + i;
      impl::set_post_acc_grad_hooks(parameters->parameters().entries[span].second,
                                    std::make_unique<GradientHook>([this, bucket, span] { OnGradient(bucket, span); }));
    }
  }
}

BucketWatch::~BucketWatch() {
  for (const auto& [name, parameter] : parameters_->parameters().entries) {
    impl::set_post_acc_grad_hooks(parameter, nullptr);
  }
}

void BucketWatch::OnGradient(size_t bucket, size_t span) {
  if (has_gradient_[span]) {
    status_.Update(absl::InternalError(
        absl::StrCat("gradients: came twice in one backward pass, ", parameters_->layout().spans[span].name)));
    return;
  }
  has_gradient_[span] = true;
  --num_missing_[bucket];
  const int64_t before = num_complete_;
  // Only in order: a bucket that is early waits for those before it.
  while (num_complete_ < static_cast<int64_t>(num_missing_.size()) && num_missing_[num_complete_] == 0) ++num_complete_;
  if (num_complete_ > before) on_complete_(num_complete_);
}

}  // namespace cohort::learner
