// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_TESTING_PROTECTED_ECHO_H_
#define COHORT_COMMON_SECURITY_TESTING_PROTECTED_ECHO_H_

#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/method_handler.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/grpc_server.h"
#include "common/grpc_status.h"
#include "common/security/client_security.h"
#include "common/security/server_security.h"
#include "common/testing/echo_service.h"

namespace cohort::security {

// A protected loopback server whose one method has the name of a real one, and counts its calls. Thread-safe.
class ProtectedEcho final {
 public:
  using Text = common::EchoService::Text;
  static constexpr char kGetJob[] = "/cohort.v1.JobService/GetJob";
  static constexpr char kCancelJob[] = "/cohort.v1.JobService/CancelJob";
  static constexpr char kCreateJob[] = "/cohort.v1.JobService/CreateJob";
  static constexpr char kClaimGroups[] = "/cohort.v1.RolloutService/ClaimGroups";
  // Has no row in the method table.
  static constexpr char kUnknown[] = "/cohort.v1.JobService/Reboot";

  // `clock` must outlive it.
  static absl::StatusOr<std::unique_ptr<ProtectedEcho>> Create(const ServerSecurityFiles& files,
                                                               common::Clock* clock = common::SystemClock()) {
    auto security = ServerSecurity::Create(files, "127.0.0.1:0", clock);
    if (!security.ok()) return security.status();
    std::unique_ptr<ProtectedEcho> self(new ProtectedEcho(*std::move(security)));
    auto server = common::GrpcServer::Create("127.0.0.1:0", {&self->service_}, /*enable_reflection=*/false,
                                             self->security_->credentials());
    if (!server.ok()) return server.status();
    self->server_ = *std::move(server);
    return self;
  }

  std::string Address() const { return server_->Address(); }
  int num_calls() const { return service_.num_calls; }
  Caller last_caller() const { return service_.last_caller; }

  // One call over a channel of its own.
  absl::Status Call(const ClientSecurity& client, const char* method = kGetJob) const {
    return CallOver(client.OpenChannel(Address()), method);
  }
  static absl::Status CallOver(const std::shared_ptr<grpc::Channel>& channel, const char* method = kGetJob) {
    Text response;
    return common::FromGrpcStatus(common::CallUnary(channel, method, Text(), &response));
  }

 private:
  struct Service final : public grpc::Service {
    explicit Service(const ServerSecurity* server_security) : security(server_security) {
      for (const char* method : {kGetJob, kCancelJob, kCreateJob, kClaimGroups, kUnknown}) {
        using Handler = grpc::internal::RpcMethodHandler<Service, Text, Text, google::protobuf::MessageLite,
                                                         google::protobuf::MessageLite>;
        auto function = [](Service* self, grpc::ServerContext* context, const Text*, Text*) {
          ++self->num_calls;
          const auto caller = self->security->CallerOf(*context);
          if (caller.ok()) self->last_caller = *caller;
          return common::ToGrpcStatus(caller.status());
        };
        AddMethod(new grpc::internal::RpcServiceMethod(method, grpc::internal::RpcMethod::NORMAL_RPC,
                                                       new Handler(function, this)));
      }
    }
    const ServerSecurity* const security;
    std::atomic<int> num_calls = 0;
    Caller last_caller;
  };

  explicit ProtectedEcho(std::unique_ptr<ServerSecurity> security)
      : security_(std::move(security)), service_(security_.get()) {}

  const std::unique_ptr<ServerSecurity> security_;
  Service service_;
  std::unique_ptr<common::GrpcServer> server_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_TESTING_PROTECTED_ECHO_H_
