// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/weight_transport.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "model/weight_sync/host_boot_id.h"

namespace cohort::model {
namespace {

// A transfer slower than this is taken for a stall.
constexpr int64_t kMinBytesPerSecond = 1 << 20;
constexpr int64_t kGraceSeconds = 60;

absl::Status ReadFileInto(int fd, int64_t total, char* bytes) {
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size != total) {
    return absl::UnavailableError("shared memory: the file has another size than the version");
  }
  int64_t done = 0;
  while (done < total) {
    const ssize_t count = read(fd, bytes + done, static_cast<size_t>(total - done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::UnavailableError("shared memory: the file ends early");
    done += count;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadSharedMemory(const cohort::v1::WeightManifest& manifest, char* bytes) {
  if (manifest.shared_memory_path().empty() || manifest.host_boot_id().empty() ||
      manifest.host_boot_id() != HostBootId()) {
    return absl::UnavailableError("shared memory: the publisher is on another host");
  }
  const int fd = open(manifest.shared_memory_path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return absl::UnavailableError(absl::StrCat("shared memory: cannot be opened (", std::strerror(errno), ")"));
  const absl::Status status = ReadFileInto(fd, manifest.total_bytes(), bytes);
  close(fd);
  return status;
}

absl::Status StreamWeights(const cohort::v1::WeightManifest& manifest, cohort::v1::WeightService::StubInterface* stub,
                           common::CallGroup* calls, char* bytes) {
  cohort::v1::FetchWeightsRequest request;
  request.set_job(manifest.job());
  request.set_policy_version(manifest.policy_version());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(kGraceSeconds + manifest.total_bytes() / kMinBytesPerSecond));
  const common::CallGroup::Member member(calls, &context);
  const auto reader = stub->FetchWeights(&context, request);
  cohort::v1::WeightChunk chunk;
  int64_t done = 0;
  while (reader->Read(&chunk)) {
    const auto count = static_cast<int64_t>(chunk.content().size());
    if (chunk.offset_bytes() != done || count > manifest.total_bytes() - done) {
      context.TryCancel();
      reader->Finish();
      return absl::DataLossError(absl::StrCat("weight stream: chunk at ", chunk.offset_bytes(), " of ", count,
                                              " bytes does not follow byte ", done));
    }
    std::memcpy(bytes + done, chunk.content().data(), static_cast<size_t>(count));
    done += count;
  }
  const absl::Status status = common::FromGrpcStatus(reader->Finish());
  if (!status.ok()) return status;
  if (done != manifest.total_bytes()) {
    return absl::UnavailableError(
        absl::StrCat("weight stream: ended after ", done, " of ", manifest.total_bytes(), " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace cohort::model
