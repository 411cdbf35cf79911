// SPDX-License-Identifier: Apache-2.0
#include "common/testing/own_network.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cohort::common {
namespace {

constexpr char kSkip[] = "COHORT_SKIP_NAMESPACE_TESTS";
constexpr char kLoopback[] = "lo";

absl::Status ErrnoError(std::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(absl::string_view(what.data(), what.size()), ": ", strerror(errno)));
}

absl::Status EnterOwnNetwork() {
  // No identity is mapped into the user namespace: its capabilities are all that is wanted of it.
  if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return ErrnoError("cannot make a network namespace");
  }
  ifreq request{};
  memcpy(request.ifr_name, kLoopback, sizeof(kLoopback));
  request.ifr_flags = IFF_UP;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoError("cannot make a socket");
  const absl::Status raised =
      ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? absl::OkStatus() : ErrnoError("cannot bring the loopback interface up");
  close(fd);
  if (!raised.ok()) return raised;
  // TCP sends its last segment, here 64 KiB, again when a receiver is late by milliseconds (RFC 8985, tail loss
  // probes). Where /proc/sys is read-only it goes on to.
  std::ofstream("/proc/sys/net/ipv4/tcp_early_retrans") << "0";
  return absl::OkStatus();
}

}  // namespace

int RunAllTestsInOwnNetwork() {
  const char* const skip = getenv(kSkip);
  if (skip != nullptr && std::string_view(skip) == "1") {
    std::cout << "SKIPPED: " << kSkip << "=1" << std::endl;
    return 0;
  }
  const absl::Status entered = EnterOwnNetwork();
  if (!entered.ok()) {
    std::cerr << entered.message() << ", which this test is about; " << kSkip << "=1 leaves it out" << std::endl;
    return 1;
  }
  return RUN_ALL_TESTS();
}

int64_t LoopbackBytes() {
  std::ifstream devices("/proc/self/net/dev");
  for (std::string word; devices >> word;) {
    int64_t received = 0;
    if (word == absl::StrCat(kLoopback, ":") && devices >> received) return received;
  }
  abort();
}

}  // namespace cohort::common
