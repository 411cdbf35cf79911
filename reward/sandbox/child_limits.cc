// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/child_limits.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <new>

namespace cohort::reward {
namespace {

constexpr rlim_t kAddressSpaceBytes = rlim_t{512} << 20;

// 0 when unknown.
rlim_t MappedBytes() {
  unsigned long long num_pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%llu", &num_pages) != 1) num_pages = 0;
  std::fclose(file);
  return static_cast<rlim_t>(num_pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

// Soft limits only: programs that a verifier starts get limits of their own.
void SetSoftLimit(decltype(RLIMIT_AS) resource, rlim_t value) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
  setrlimit(resource, &limit);
}

}  // namespace

void LimitChild() {
  const rlim_t mapped_bytes = MappedBytes();
  if (mapped_bytes != 0) SetSoftLimit(RLIMIT_AS, mapped_bytes + kAddressSpaceBytes);
  SetSoftLimit(RLIMIT_CORE, 0);
  std::set_new_handler([] { _exit(kChildOutOfMemory); });
  signal(SIGPIPE, SIG_IGN);
}

void LimitChildCpu(absl::Duration budget) {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return;
  const int64_t used_seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
  SetSoftLimit(RLIMIT_CPU, static_cast<rlim_t>(used_seconds + 2 + absl::ToInt64Seconds(budget)));
}

}  // namespace cohort::reward
