// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_CLIENT_SECURITY_H_
#define COHORT_COMMON_SECURITY_CLIENT_SECURITY_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/security/certificate_watch.h"

namespace cohort::security {

// Files with which a client reaches protected servers; an empty path stands for none. See docs/security.md.
struct ClientSecurityFiles {
  std::string authorities;  // PEM: the client speaks TLS, and only to servers whose certificate one of these signed
  std::string certificate;  // PEM chain that the client shows, with `key`
  std::string key;
  std::string token;  // file with one token and nothing else
};

// How one process calls servers. Thread-safe; channels may outlive it.
class ClientSecurity final {
 public:
  // INVALID_ARGUMENT for files that do not fit together; otherwise the errors of the files, by name. `clock` must
  // outlive it and its channels.
  static absl::StatusOr<std::unique_ptr<ClientSecurity>> Create(const ClientSecurityFiles& files, common::Clock* clock);

  // As common::CreateChannel. With a token and without TLS only this machine is called: calls to other addresses end
  // with FAILED_PRECONDITION.
  std::shared_ptr<grpc::Channel> OpenChannel(std::string_view address) const;

 private:
  ClientSecurity() = default;

  std::unique_ptr<CertificateWatch> certificates_;  // null without TLS
  std::shared_ptr<grpc::CallCredentials> token_;    // null without a token
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_CLIENT_SECURITY_H_
