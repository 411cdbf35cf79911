// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PARALLEL_PROCESS_GROUP_H_
#define COHORT_MODEL_PARALLEL_PROCESS_GROUP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cohort::model {

// Collectives of a gang. One thread at a time. A peer that dies or hangs is DEADLINE_EXCEEDED or UNAVAILABLE after the
// timeout; the group is then unusable.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  // In place, every rank gets the sum. Contiguous tensors of equal shape and dtype on all ranks.
  virtual absl::Status AllReduceSum(at::Tensor tensor) = 0;
  virtual absl::Status AllReduceMax(at::Tensor tensor) = 0;
  // In place, on a flat tensor of world_size equal pieces, the same size on all ranks. After the first, piece `rank`
  // holds its sum over the ranks and the others hold nothing of use; the second gives every rank piece r of rank r.
  // On the wire each is half an all-reduce, but Gloo makes the first by a whole one.
  virtual absl::Status ReduceScatterSum(at::Tensor tensor) = 0;
  virtual absl::Status AllGather(at::Tensor tensor) = 0;
  // In place from `root`.
  virtual absl::Status Broadcast(at::Tensor tensor, int root) = 0;
  virtual absl::Status Barrier() = 0;
};

// Rendezvous store of a gang, served by rank 0 for as long as this lives (c10d TCPStore). Thread-safe.
class RendezvousServer {
 public:
  // `host` is the address that peers connect to; a free port is picked.
  static absl::StatusOr<std::unique_ptr<RendezvousServer>> Create(std::string_view host);
  virtual ~RendezvousServer() = default;
  // host:port.
  virtual std::string Address() const = 0;
};

struct ProcessGroupOptions {
  std::string store_address;  // host:port of rank 0's RendezvousServer
  std::string key_prefix;     // job and incarnation: old ranks cannot join
  std::string host;           // address that peers reach this rank at
  int rank = 0;
  int world_size = 1;
  absl::Duration timeout = absl::Seconds(60);
};

// Gloo on CPU tensors. A world of one needs no store.
absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateGlooProcessGroup(const ProcessGroupOptions& options);
// NCCL on CUDA tensors; UNIMPLEMENTED in a build without --config=cuda.
absl::StatusOr<std::unique_ptr<ProcessGroup>> CreateNcclProcessGroup(const ProcessGroupOptions& options,
                                                                     const at::Device& device);

}  // namespace cohort::model

#endif  // COHORT_MODEL_PARALLEL_PROCESS_GROUP_H_
