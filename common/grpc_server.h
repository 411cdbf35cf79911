// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_SERVER_H_
#define COHORT_COMMON_GRPC_SERVER_H_

#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cohort::common {

class RpcMetrics;

// A listening gRPC server with health service (grpc.health.v1, service ""), keepalive and message size that suit
// CreateChannel. Thread-safe.
class GrpcServer final {
 public:
  // Listens at once and reports SERVING. `address` is host:port; port 0 picks a free one. The services must outlive the
  // server. UNAVAILABLE with the address when it is in use. Reflection (v1alpha) only when asked for. Without
  // `credentials` (security/server_security.h makes them) it is not encrypted and asks nobody for anything. `metrics`,
  // if any, get every call, and must outlive the server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Create(
      std::string_view address, const std::vector<grpc::Service*>& services, bool enable_reflection,
      std::shared_ptr<grpc::ServerCredentials> credentials = nullptr, RpcMetrics* metrics = nullptr);
  // Shutdown without grace.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // host:port that it listens on.
  std::string Address() const { return address_; }
  // What the health service says: false first when draining.
  void SetServing(bool is_serving);
  // Refuses new calls at once, lets running ones end within `grace`, then cancels them and waits for their handlers.
  // Handlers of long polls must watch IsCancelled. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, std::string address);

  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_SERVER_H_
