// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/network_address.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/parallel/process_group.h"

namespace cohort::model {
namespace {

struct BoundSocket {
  int fd;
  int port;
};

int PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  char service[NI_MAXSERV] = "0";
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, service, sizeof(service), NI_NUMERICSERV) !=
          0) {
    return 0;
  }
  return std::atoi(service);
}

// A free port of `host` alone: c10d by itself would listen on every interface.
absl::StatusOr<BoundSocket> Bind(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), "0", &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("rendezvous: host is unknown: ", gai_strerror(error), " (", host, ")"));
  }
  int fd = -1;
  for (const addrinfo* address = found; address != nullptr && fd < 0; address = address->ai_next) {
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, address->ai_addr, address->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  if (fd < 0)
    return absl::UnavailableError(absl::StrCat("rendezvous: cannot listen at ", host, ": ", std::strerror(errno)));
  return BoundSocket{fd, PortOf(fd)};
}

class TcpStoreServer final : public RendezvousServer {
 public:
  TcpStoreServer(c10::intrusive_ptr<c10d::TCPStore> store, std::string address)
      : store_(std::move(store)), address_(std::move(address)) {}

  std::string Address() const override { return address_; }

 private:
  const c10::intrusive_ptr<c10d::TCPStore> store_;
  const std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RendezvousServer>> RendezvousServer::Create(std::string_view host) {
  const std::string name(host);
  COHORT_ASSIGN_OR_RETURN(const BoundSocket bound, Bind(name));
  c10::intrusive_ptr<c10d::TCPStore> store;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch(absl::StrCat("rendezvous at ", name), [&] {
    c10d::TCPStoreOptions options;
    options.isServer = true;
    options.waitWorkers = false;
    options.port = static_cast<uint16_t>(bound.port);
    options.masterListenFd = bound.fd;  // owned by the store from here
    store = c10::make_intrusive<c10d::TCPStore>(name, options);
    return absl::OkStatus();
  }));
  return std::make_unique<TcpStoreServer>(std::move(store), common::JoinAddress({name, bound.port}));
}

}  // namespace cohort::model
