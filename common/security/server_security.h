// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_SERVER_SECURITY_H_
#define COHORT_COMMON_SECURITY_SERVER_SECURITY_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/security/call_authorizer.h"
#include "common/security/certificate_metrics.h"
#include "common/security/certificate_watch.h"

namespace cohort::security {

// Files that protect a server; an empty path stands for none. See docs/security.md.
struct ServerSecurityFiles {
  std::string certificate;  // PEM chain, with `key`: the server speaks TLS
  std::string key;
  std::string client_authorities;  // PEM: clients must show a certificate that one of these signed
  std::string tokens;              // token_file.h: calls must carry a token
};

// How one server is protected: what it listens with, and who calls it. Thread-safe. Must outlive the server.
class ServerSecurity final {
 public:
  // `listen` is where the server will listen, host:port. INVALID_ARGUMENT for files that do not fit together, and for
  // tokens without TLS at an address that other machines can reach; otherwise the errors of the files, by name. A
  // server without any protection at such an address is warned of in the log. `clock` must outlive it. Handlers of
  // `admitting_service` ("cohort.v1.JobService"; empty: none) must call Admit: only then are refusals of roles answered
  // with details (call_authorizer.h). `metrics`, if any, learn when the certificates expire, and must outlive it.
  static absl::StatusOr<std::unique_ptr<ServerSecurity>> Create(const ServerSecurityFiles& files,
                                                                std::string_view listen, common::Clock* clock,
                                                                std::string_view admitting_service = "",
                                                                CertificateMetrics* metrics = nullptr);

  // For GrpcServer::Create.
  const std::shared_ptr<grpc::ServerCredentials>& credentials() const { return credentials_; }

  // Who makes a call. Without tokens everybody may do everything.
  absl::StatusOr<Caller> CallerOf(const grpc::ServerContext& context) const;
  // The same, and PERMISSION_DENIED, with a line in the log, when its role may not call `method`
  // ("/package.Service/Method").
  absl::StatusOr<Caller> Admit(const grpc::ServerContext& context, const std::string& method) const;

 private:
  ServerSecurity() = default;

  std::unique_ptr<CertificateWatch> certificates_;
  std::shared_ptr<CallAuthorizer> authorizer_;  // null without tokens
  std::shared_ptr<grpc::ServerCredentials> credentials_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_SERVER_SECURITY_H_
