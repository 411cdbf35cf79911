// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/weight_publisher.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/grpc_status.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/weight_sync/host_boot_id.h"
#include "model/weight_sync/shared_weights.h"
#include "model/weight_sync/tensor_bytes.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::model {
namespace {

using cohort::v1::WeightManifest;

constexpr char kFilePrefix[] = "cohort-weights-";
constexpr int64_t kChunkBytes = 1 << 20;

struct PublishedVersion {
  WeightManifest manifest;
  std::unique_ptr<SharedWeights> weights;
};

// Transfers under way hold a version, so that retiring it cannot pull the bytes away.
using VersionPointer = std::shared_ptr<const PublishedVersion>;

class SharedMemoryPublisher final : public WeightPublisher, public cohort::v1::WeightService::Service {
 public:
  explicit SharedMemoryPublisher(std::string_view directory) : directory_(directory), boot_id_(HostBootId()) {}

  absl::StatusOr<WeightManifest> Publish(const std::string& job, int64_t policy_version,
                                         const ParameterMap& parameters) override {
    COHORT_ASSIGN_OR_RETURN(WeightManifest manifest, DescribeWeights(parameters));
    COHORT_ASSIGN_OR_RETURN(VersionPointer held, FindEqual(job, policy_version, manifest.digest()));
    if (held != nullptr) return held->manifest;
    manifest.set_job(job);
    manifest.set_policy_version(policy_version);
    manifest.set_host_boot_id(boot_id_);
    auto version = std::make_shared<PublishedVersion>();
    COHORT_ASSIGN_OR_RETURN(version->weights, Store(manifest, parameters));
    manifest.set_shared_memory_path(version->weights->path());
    version->manifest = manifest;
    absl::MutexLock lock(&mutex_);
    // Writing took time: another call may have published the version meanwhile.
    COHORT_ASSIGN_OR_RETURN(held, FindEqualLocked(job, policy_version, manifest.digest()));
    if (held != nullptr) return held->manifest;
    versions_[{job, policy_version}] = std::move(version);
    return manifest;
  }

  void Retire(const std::string& job, int64_t oldest_needed_version) override {
    absl::MutexLock lock(&mutex_);
    for (auto it = versions_.lower_bound({job, INT64_MIN}); it != versions_.end() && it->first.first == job;) {
      if (it->first.second >= oldest_needed_version) break;
      it = versions_.erase(it);
    }
  }

  cohort::v1::WeightService::Service* service() override { return this; }

  grpc::Status GetManifest(grpc::ServerContext*, const cohort::v1::GetManifestRequest* request,
                           WeightManifest* manifest) override {
    const absl::StatusOr<VersionPointer> version = Find(request->job(), request->policy_version());
    if (version.ok()) *manifest = (*version)->manifest;
    return common::ToGrpcStatus(version.status());
  }

  grpc::Status FetchWeights(grpc::ServerContext*, const cohort::v1::FetchWeightsRequest* request,
                            grpc::ServerWriter<cohort::v1::WeightChunk>* writer) override {
    const absl::StatusOr<VersionPointer> version = Find(request->job(), request->policy_version());
    if (!version.ok()) return common::ToGrpcStatus(version.status());
    const SharedWeights& weights = *(*version)->weights;
    const int64_t size = weights.size_bytes();
    if (request->offset_bytes() < 0 || request->offset_bytes() > size) {
      return common::ToGrpcStatus(absl::OutOfRangeError(
          absl::StrCat("offset_bytes: outside the version's ", size, " bytes (", request->offset_bytes(), ")")));
    }
    for (int64_t offset = request->offset_bytes(); offset < size; offset += kChunkBytes) {
      cohort::v1::WeightChunk chunk;
      chunk.set_offset_bytes(offset);
      const int64_t count = std::min(kChunkBytes, size - offset);
      chunk.mutable_content()->resize(static_cast<size_t>(count));
      const absl::Status read = weights.Read(offset, count, chunk.mutable_content()->data());
      if (!read.ok()) return common::ToGrpcStatus(read);
      if (!writer->Write(chunk)) return common::ToGrpcStatus(absl::CancelledError("the reader went away"));
    }
    return grpc::Status::OK;
  }

 private:
  absl::StatusOr<std::unique_ptr<SharedWeights>> Store(const WeightManifest& manifest, const ParameterMap& parameters) {
    const std::string stem =
        absl::StrCat(kFilePrefix, getpid(), "-", common::HexOf(common::Sha256Of(manifest.job())).substr(0, 16), "-",
                     manifest.policy_version());
    return SharedWeights::Create(directory_, stem, manifest.total_bytes(), [&](const SharedWeights::Append& append) {
      return kernels::StatusFromTorch("weights", [&]() -> absl::Status {
        for (const auto& [name, tensor] : parameters.entries) {
          const at::Tensor on_cpu = OnCpu(tensor);
          COHORT_RETURN_IF_ERROR(append(BytesOf(on_cpu)));
        }
        return absl::OkStatus();
      });
    });
  }

  // The version if it is held with this digest, null if it is not held, an error if it is held with another.
  absl::StatusOr<VersionPointer> FindEqual(const std::string& job, int64_t policy_version, const std::string& digest) {
    absl::MutexLock lock(&mutex_);
    return FindEqualLocked(job, policy_version, digest);
  }
  absl::StatusOr<VersionPointer> FindEqualLocked(const std::string& job, int64_t policy_version,
                                                 const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = versions_.find({job, policy_version});
    if (found == versions_.end() || found->second->manifest.digest() == digest) {
      return found == versions_.end() ? VersionPointer() : found->second;
    }
    return absl::FailedPreconditionError(absl::StrCat("policy version ", policy_version, " of ", job,
                                                      " is published with other weights (",
                                                      common::HexOf(found->second->manifest.digest()), ")"));
  }

  absl::StatusOr<VersionPointer> Find(const std::string& job, int64_t policy_version) {
    absl::MutexLock lock(&mutex_);
    const auto found = versions_.find({job, policy_version});
    if (found != versions_.end()) return found->second;
    return absl::NotFoundError(absl::StrCat("policy version ", policy_version, " of ", job, " is not held here"));
  }

  const std::string directory_;
  const std::string boot_id_;
  absl::Mutex mutex_;
  std::map<std::pair<std::string, int64_t>, VersionPointer> versions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<WeightPublisher>> WeightPublisher::Create(std::string_view directory) {
  const std::string path(directory);
  if (access(path.c_str(), W_OK | X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a folder that this process can write to"));
  }
  SharedWeights::RemoveAbandoned(path, kFilePrefix);
  return std::make_unique<SharedMemoryPublisher>(path);
}

}  // namespace cohort::model
