// SPDX-License-Identifier: Apache-2.0
#include "model/parallel/c10d_process_group.h"

#include <chrono>
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
  C10dProcessGroup(const ProcessGroupOptions& options, c10::intrusive_ptr<c10d::Backend> backend, WaitForWork wait)
      : rank_(options.rank), world_size_(options.world_size), backend_(std::move(backend)), wait_(std::move(wait)) {}

  int rank() const override { return rank_; }
  int world_size() const override { return world_size_; }

  absl::Status AllReduceSum(at::Tensor tensor) override { return AllReduce(tensor, c10d::ReduceOp::SUM); }
  absl::Status AllReduceMax(at::Tensor tensor) override { return AllReduce(tensor, c10d::ReduceOp::MAX); }

  absl::Status Broadcast(at::Tensor tensor, int root) override {
    return Run("broadcast", [&] {
      c10d::BroadcastOptions options;
      options.rootRank = root;
      std::vector<at::Tensor> tensors = {tensor};
      return backend_->broadcast(tensors, options);
    });
  }

  absl::Status Barrier() override {
    return Run("barrier", [&] { return backend_->barrier(); });
  }

 private:
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
    const absl::Status status =
        PeerStatus(kernels::StatusFromTorch(absl::StrCat(what, " of rank ", rank_), [&] { return wait_(*start()); }));
    if (!status.ok()) broken_ = status;
    return status;
  }

  const int rank_;
  const int world_size_;
  const c10::intrusive_ptr<c10d::Backend> backend_;
  const WaitForWork wait_;
  absl::Status broken_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateC10dProcessGroup(const ProcessGroupOptions& options,
                                                                     const MakeBackend& make_backend,
                                                                     WaitForWork wait_for_work) {
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
    backend = make_backend(c10::make_intrusive<c10d::PrefixStore>(options.key_prefix, store));
    return absl::OkStatus();
  })));
  return std::make_unique<C10dProcessGroup>(options, std::move(backend), std::move(wait_for_work));
}

}  // namespace cohort::model
