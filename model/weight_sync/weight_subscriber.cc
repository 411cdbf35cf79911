// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/weight_subscriber.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cohort/v1/weights.grpc.pb.h"
#include "common/call_group.h"
#include "common/grpc_status.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/weight_sync/manifest_digest.h"
#include "model/weight_sync/weight_transport.h"

namespace cohort::model {
namespace {

using cohort::v1::WeightManifest;
using cohort::v1::WeightService;
using cohort::v1::WeightSource;

constexpr std::chrono::seconds kManifestDeadline(20);

absl::StatusOr<WeightManifest> FetchManifest(const WeightSource& source, WeightService::StubInterface* stub,
                                             common::CallGroup* calls) {
  cohort::v1::GetManifestRequest request;
  request.set_job(source.job());
  request.set_policy_version(source.policy_version());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kManifestDeadline);
  const common::CallGroup::Member member(calls, &context);
  WeightManifest manifest;
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stub->GetManifest(&context, request, &manifest)));
  if (manifest.job() != source.job() || manifest.policy_version() != source.policy_version()) {
    return absl::DataLossError(absl::StrCat("manifest: is of policy version ", manifest.policy_version(), " of ",
                                            manifest.job(), ", not of ", source.policy_version(), " of ",
                                            source.job()));
  }
  COHORT_RETURN_IF_ERROR(CheckManifest(manifest));
  if (manifest.digest() != source.digest()) {
    return absl::DataLossError(absl::StrCat("manifest: digest of policy version ", source.policy_version(), " of ",
                                            source.job(), " is ", common::HexOf(manifest.digest()), ", expected ",
                                            common::HexOf(source.digest())));
  }
  return manifest;
}

absl::Status CheckParameters(const WeightManifest& manifest, const ParameterMap& parameters) {
  for (const auto& [name, tensor] : parameters.entries) {
    const bool has_type =
        tensor.defined() && (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16);
    if (has_type && tensor.is_contiguous()) continue;
    return absl::InvalidArgumentError(absl::StrCat("parameter ", name, ": must be a contiguous fp32 or bf16 tensor"));
  }
  if (static_cast<size_t>(manifest.tensors_size()) != parameters.entries.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("manifest: has ", manifest.tensors_size(), " tensors, the model ", parameters.entries.size()));
  }
  for (int i = 0; i < manifest.tensors_size(); ++i) {
    const cohort::v1::TensorEntry& entry = manifest.tensors(i);
    const auto& [name, tensor] = parameters.entries[static_cast<size_t>(i)];
    const at::IntArrayRef shape(entry.shape().data(), static_cast<size_t>(entry.shape_size()));
    if (entry.name() != name || entry.dtype() != "F32" || tensor.sizes() != shape) {
      return absl::FailedPreconditionError(absl::StrCat("manifest: tensor ", entry.name(), " differs from the model's ",
                                                        name, " in name, dtype or shape"));
    }
  }
  return absl::OkStatus();
}

absl::Status VerifyBytes(const WeightManifest& manifest, const char* bytes) {
  for (const cohort::v1::TensorEntry& entry : manifest.tensors()) {
    const std::string_view tensor(bytes + entry.offset_bytes(), static_cast<size_t>(entry.size_bytes()));
    if (common::Sha256Of(tensor) != entry.sha256()) {
      return absl::DataLossError(absl::StrCat("tensor ", entry.name(), " of policy version ", manifest.policy_version(),
                                              " of ", manifest.job(), ": checksum is wrong"));
    }
  }
  return absl::OkStatus();
}

absl::Status CopyInto(const WeightManifest& manifest, char* bytes, ParameterMap* parameters) {
  return kernels::StatusFromTorch("weights", [&] {
    const at::NoGradGuard no_grad;
    for (int i = 0; i < manifest.tensors_size(); ++i) {
      at::Tensor& tensor = parameters->entries[static_cast<size_t>(i)].second;
      char* from = bytes + manifest.tensors(i).offset_bytes();
      if (tensor.is_cpu() && tensor.scalar_type() == at::kFloat) {
        std::memcpy(tensor.mutable_data_ptr(), from, tensor.nbytes());
      } else {
        tensor.copy_(at::from_blob(from, tensor.sizes(), at::kFloat));
      }
    }
    return absl::OkStatus();
  });
}

class VerifyingSubscriber final : public WeightSubscriber {
 public:
  VerifyingSubscriber(bool allow_shared_memory, common::ChannelFactory open_channel)
      : allow_shared_memory_(allow_shared_memory), open_channel_(std::move(open_channel)) {}

  absl::Status Fetch(const WeightSource& source, ParameterMap* parameters) override {
    const auto stub = WeightService::NewStub(open_channel_(source.address()));
    COHORT_ASSIGN_OR_RETURN(const WeightManifest manifest, FetchManifest(source, stub.get(), &calls_));
    COHORT_RETURN_IF_ERROR(CheckParameters(manifest, *parameters));
    // The bytes are verified in a buffer of our own: the publisher's file could change after a check.
    std::vector<char> bytes(static_cast<size_t>(manifest.total_bytes()));
    absl::Status status = allow_shared_memory_ ? ReadSharedMemory(manifest, bytes.data())
                                               : absl::UnavailableError("shared memory is not allowed");
    if (absl::IsUnavailable(status)) status = StreamWeights(manifest, stub.get(), &calls_, bytes.data());
    COHORT_RETURN_IF_ERROR(status);
    COHORT_RETURN_IF_ERROR(VerifyBytes(manifest, bytes.data()));
    return CopyInto(manifest, bytes.data(), parameters);
  }

  void Cancel() override { calls_.Cancel(); }

 private:
  const bool allow_shared_memory_;
  const common::ChannelFactory open_channel_;
  common::CallGroup calls_;
};

}  // namespace

std::unique_ptr<WeightSubscriber> CreateWeightSubscriber(bool allow_shared_memory,
                                                         common::ChannelFactory open_channel) {
  return std::make_unique<VerifyingSubscriber>(allow_shared_memory, std::move(open_channel));
}

}  // namespace cohort::model
