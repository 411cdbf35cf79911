// SPDX-License-Identifier: Apache-2.0
#include "model/parallel/c10d_process_group.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/network_address.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::model {
namespace {

// What c10d throws says by its text alone whether time ran out; everything else means that a peer is gone.
absl::Status PeerStatus(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInternal) return status;
  const absl::string_view message = status.message();
  for (const char* sign : {"imed out", "imeout", "TIMEOUT"}) {
    if (absl::StrContains(message, sign)) return absl::DeadlineExceededError(message);
  }
  return absl::UnavailableError(message);
}

class C10dProcessGroup final : public ProcessGroup {
 public:
  C10dProcessGroup(const ProcessGroupOptions& options, c10::intrusive_ptr<c10d::Backend> backend, C10dBackend functions)
      : rank_(options.rank),
        world_size_(options.world_size),
        backend_(std::move(backend)),
        functions_(std::move(functions)) {}

  int rank() const override { return rank_; }
  int world_size() const override { return world_size_; }

  absl::Status AllReduceSum(at::Tensor tensor) override { return AllReduce(tensor, c10d::ReduceOp::SUM); }
  absl::Status AllReduceMax(at::Tensor tensor) override { return AllReduce(tensor, c10d::ReduceOp::MAX); }

  absl::Status ReduceScatterSum(at::Tensor tensor) override {
    COHORT_RETURN_IF_ERROR(CheckPieces("reduce-scatter", tensor));
    if (functions_.scatters_by_all_reduce) return AllReduceSum(tensor);
    return Run("reduce-scatter", [&] {
      at::Tensor piece = OwnPiece(tensor);
      return backend_->_reduce_scatter_base(piece, tensor);
    });
  }

  absl::Status AllGather(at::Tensor tensor) override {
    COHORT_RETURN_IF_ERROR(CheckPieces("all-gather", tensor));
    return Run("all-gather", [&] {
      at::Tensor piece = OwnPiece(tensor);
      return backend_->_allgather_base(tensor, piece);
    });
  }

  absl::Status Broadcast(at::Tensor tensor, int root) override {
    return Run("broadcast", [&] {
      c10d::BroadcastOptions options;
      options.rootRank = root;
      std::vector<at::Tensor> tensors = {tensor};
      return backend_->broadcast(tensors, options);
    });
  }

  absl::Status Barrier() override {
    return Run("barrier", [&] {
      c10d::BarrierOptions options;
      options.device_ids = functions_.barrier_devices;
      return backend_->barrier(options);
    });
  }

 private:
  at::Tensor OwnPiece(const at::Tensor& tensor) const {
    const int64_t size = tensor.numel() / world_size_;
    return tensor.narrow(0, rank_ * size, size);
  }

  absl::Status CheckPieces(const char* what, const at::Tensor& tensor) const {
    if (tensor.dim() == 1 && tensor.numel() % world_size_ == 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": must be flat and a multiple of ", world_size_, " ranks (", tensor.numel(), " numbers)"));
  }

  absl::Status AllReduce(const at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
    return Run("all-reduce", [&] {
      c10d::AllreduceOptions options;
      options.reduceOp = operation;
      std::vector<at::Tensor> tensors = {tensor};
      return backend_->allreduce(tensors, options);
    });
  }

  absl::Status Run(const char* what, const std::function<c10::intrusive_ptr<c10d::Work>()>& start) {
    if (!broken_.ok())
      return absl::FailedPreconditionError(absl::StrCat(what, ": the group broke: ", broken_.message()));
    const absl::Status status = PeerStatus(
        kernels::StatusFromTorch(absl::StrCat(what, " of rank ", rank_), [&] { return functions_.wait(*start()); }));
    if (!status.ok()) Break(status);
    return status;
  }

  // Nothing may run on after a failure: a GPU would spin for a peer that is gone. That aborting fails too changes
  // nothing; the process is about to leave.
  void Break(const absl::Status& status) {
    broken_ = status;
    kernels::StatusFromTorch("abort", [this] {
      backend_->abort();
      return absl::OkStatus();
    }).IgnoreError();
  }

  const int rank_;
  const int world_size_;
  const c10::intrusive_ptr<c10d::Backend> backend_;
  const C10dBackend functions_;
  absl::Status broken_;
};

// Ranks meet in the store, where waiting has a bound. Making a communicator of NCCL has none: a rank that never came
// would hold up the others for ever.
void AwaitAllRanks(const ProcessGroupOptions& options, c10d::Store* store) {
  std::vector<std::string> keys;
  for (int rank = 0; rank < options.world_size; ++rank) keys.push_back(absl::StrCat("arrived/", rank));
  store->set(keys[static_cast<size_t>(options.rank)], std::vector<uint8_t>{1});
  store->wait(keys, std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateC10dProcessGroup(const ProcessGroupOptions& options,
                                                                     C10dBackend functions) {
  if (options.rank < 0 || options.rank >= options.world_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank: must be from 0 to ", options.world_size - 1, " (", options.rank, ")"));
  }
  COHORT_ASSIGN_OR_RETURN(const common::NetworkAddress address, common::ParseAddress(options.store_address));
  c10::intrusive_ptr<c10d::Backend> backend;
  const std::string what = absl::StrCat("rank ", options.rank, " of ", options.world_size, " joining by the store at ",
                                        options.store_address);
  COHORT_RETURN_IF_ERROR(PeerStatus(kernels::StatusFromTorch(what, [&] {
    c10d::TCPStoreOptions store_options;
    store_options.port = static_cast<uint16_t>(address.port);
    store_options.waitWorkers = false;
    store_options.timeout = std::chrono::milliseconds(absl::ToInt64Milliseconds(options.timeout));
    const auto store = c10::make_intrusive<c10d::TCPStore>(address.host, store_options);
    const auto gang_store = c10::make_intrusive<c10d::PrefixStore>(options.key_prefix, store);
    AwaitAllRanks(options, gang_store.get());
    backend = functions.make(gang_store);
    return absl::OkStatus();
  })));
  return std::make_unique<C10dProcessGroup>(options, std::move(backend), std::move(functions));
}

}  // namespace cohort::model
