// SPDX-License-Identifier: Apache-2.0
#include "learner/sharded_layers.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

// Errors cross autograd as exceptions; the queue has the status for who asks it.
void ThrowUnlessOk(const absl::Status& status) { TORCH_CHECK(status.ok(), std::string(status.message())); }

// The parameters of a bucket in a buffer that begins with it.
std::vector<at::Tensor> TensorsOf(const FlatParameters& parameters, const FlatBucket& bucket,
                                  const at::Tensor& numbers) {
  std::vector<at::Tensor> tensors;
  for (auto& [name, view] : parameters.ViewsOf(numbers, {bucket.first_span, bucket.num_spans}).entries) {
    tensors.push_back(view);
  }
  return tensors;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ShardedLayers>> ShardedLayers::Create(const FlatParameters* parameters) {
  std::unique_ptr<ShardedLayers> layers(new ShardedLayers(parameters));
  const std::vector<FlatBucket>& buckets = parameters->layout().buckets;
  int64_t largest = 0;
  for (size_t i = buckets.size(); i-- > 0;) {  // from the first layer on
    if (buckets[i].layer < 0) continue;
    if (buckets[i].layer != layers->num_layers()) {
      return absl::InternalError(absl::StrCat("sharded layers: layer ", buckets[i].layer, " is in several places"));
    }
    layers->buckets_.push_back(i);
    largest = std::max(largest, buckets[i].range.size);
  }
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("layers under way", [&] {
    const at::TensorOptions options = parameters->weights_L().options();
    for (Slot& slot : layers->weights_) slot.numbers_B = at::zeros({largest}, options);
    if (parameters->gradients_L().defined()) {
      for (Slot& slot : layers->gradients_) slot.numbers_B = at::zeros({largest}, options);
    }
    return absl::OkStatus();
  }));
  return layers;
}

void ShardedLayers::Begin(CollectiveQueue* queue) {
  queue_ = queue;
  for (Slot& slot : weights_) slot.layer = -1;
  for (Slot& slot : gradients_) slot.number = -1;
}

void ShardedLayers::BeginPass(Pass pass) {
  turns_.clear();
  next_ = 0;
  for (int64_t layer = 0; layer < num_layers(); ++layer) turns_.push_back(layer);
  if (pass == Pass::kForward) return;
  for (int64_t layer = num_layers(); layer-- > 0;) turns_.push_back(layer);
}

absl::Status ShardedLayers::FinishPass(double gradient) {
  return kernels::StatusFromTorch("layers of all ranks", [&] {
    while (next_ < static_cast<int64_t>(turns_.size())) {
      const int64_t layer = turns_[next_];
      (void)Acquire(layer);
      if (IsBackward()) {
        GradientRoom(layer).fill_(gradient);
        Reduce(layer);
      }
      Release(layer);
    }
    return absl::OkStatus();
  });
}

std::vector<at::Tensor> ShardedLayers::Acquire(int64_t layer) {
  TORCH_CHECK(next_ < static_cast<int64_t>(turns_.size()) && turns_[next_] == layer, "layer ", layer,
              " is computed with out of turn");
  // What was gathered ahead, or is still there: the last layer when the pass turns back, the first when one follows.
  if (weights_[1 - current_].layer == layer) {
    current_ = 1 - current_;
  } else if (weights_[current_].layer != layer) {
    Gather(layer, &weights_[current_]);
  }
  if (next_ + 1 < static_cast<int64_t>(turns_.size())) {
    const int64_t ahead = turns_[next_ + 1];
    if (ahead != layer && weights_[1 - current_].layer != ahead) Gather(ahead, &weights_[1 - current_]);
  }
  const Slot& slot = weights_[current_];
  ThrowUnlessOk(queue_->Wait(slot.number));
  const FlatBucket& bucket = BucketOf(layer);
  return TensorsOf(*parameters_, bucket, slot.numbers_B);
}

void ShardedLayers::AddGradients(int64_t layer, const std::vector<at::Tensor>& gradients) {
  const c10::NoGradGuard no_grad;
  const FlatBucket& bucket = BucketOf(layer);
  const at::Tensor room = GradientRoom(layer).zero_();
  const std::vector<at::Tensor> places = TensorsOf(*parameters_, bucket, room);
  for (size_t i = 0; i < places.size(); ++i) {
    if (gradients[i].defined()) places[i].copy_(gradients[i]);
  }
  Reduce(layer);
}

void ShardedLayers::Release(int64_t) { ++next_; }

const FlatBucket& ShardedLayers::BucketOf(int64_t layer) const {
  return parameters_->layout().buckets[buckets_[static_cast<size_t>(layer)]];
}

void ShardedLayers::Gather(int64_t layer, Slot* slot) {
  const FlatBucket& bucket = BucketOf(layer);
  const at::Tensor whole = slot->numbers_B.narrow(0, 0, bucket.range.size);
  const FlatRange piece = OwnedPiece(bucket, parameters_->place());
  slot->layer = layer;
  slot->number = queue_->Add([this, whole, piece, offset = piece.offset - bucket.range.offset] {
    whole.narrow(0, offset, piece.size).copy_(parameters_->HeldPart(parameters_->weights_L(), piece));
    return queue_->group()->AllGather(whole);
  });
}

at::Tensor ShardedLayers::GradientRoom(int64_t layer) {
  current_gradients_ = 1 - current_gradients_;
  const Slot& slot = gradients_[current_gradients_];
  if (slot.number >= 0) ThrowUnlessOk(queue_->Wait(slot.number));
  return slot.numbers_B.narrow(0, 0, BucketOf(layer).range.size);
}

void ShardedLayers::Reduce(int64_t layer) {
  const FlatBucket& bucket = BucketOf(layer);
  Slot& slot = gradients_[current_gradients_];
  const at::Tensor whole = slot.numbers_B.narrow(0, 0, bucket.range.size);
  const FlatRange piece = OwnedPiece(bucket, parameters_->place());
  slot.number = queue_->Add([this, whole, piece, offset = piece.offset - bucket.range.offset]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(queue_->group()->ReduceScatterSum(whole));
    parameters_->HeldPart(parameters_->gradients_L(), piece).add_(whole.narrow(0, offset, piece.size));
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
