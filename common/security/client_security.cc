// SPDX-License-Identifier: Apache-2.0
#include "common/security/client_security.h"

#include <grpcpp/security/tls_credentials_options.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/grpc_channel.h"
#include "common/network_address.h"
#include "common/security/bearer_token.h"
#include "common/security/refusing_channel.h"
#include "common/status_macros.h"

namespace cohort::security {
namespace {

absl::Status CheckFiles(const ClientSecurityFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("--tls_client_certificate and --tls_client_key: must be given together");
  }
  if (files.authorities.empty() && !files.certificate.empty()) {
    return absl::InvalidArgumentError("--tls_client_certificate: needs --tls_ca");
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> TlsClient(const CertificateWatch& certificates, bool shows_certificate) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(certificates.provider());
  options.watch_root_certs();
  if (shows_certificate) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

// An unparsable address is gRPC's to complain of.
bool IsOnThisMachine(std::string_view address) {
  const auto parsed = common::ParseAddress(address);
  return parsed.ok() && common::IsLoopback(*parsed);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClientSecurity>> ClientSecurity::Create(const ClientSecurityFiles& files,
                                                                       common::Clock* clock) {
  COHORT_RETURN_IF_ERROR(CheckFiles(files));
  std::unique_ptr<ClientSecurity> self(new ClientSecurity);
  if (!files.token.empty()) {
    COHORT_ASSIGN_OR_RETURN(
        self->token_, BearerTokenCredentials(files.token, /*needs_encryption=*/!files.authorities.empty(), clock));
  }
  if (!files.authorities.empty()) {
    COHORT_ASSIGN_OR_RETURN(self->certificates_,
                            CertificateWatch::Create({files.certificate, files.key, files.authorities}));
    self->credentials_ = TlsClient(*self->certificates_, !files.certificate.empty());
  } else if (self->token_ != nullptr) {
    // Unlike insecure credentials these can carry a token; they connect to this machine alone.
    self->credentials_ = grpc::experimental::LocalCredentials(LOCAL_TCP);
  } else {
    self->credentials_ = grpc::InsecureChannelCredentials();
  }
  if (self->token_ != nullptr) {
    self->credentials_ = grpc::CompositeChannelCredentials(self->credentials_, self->token_);
  }
  return self;
}

std::shared_ptr<grpc::Channel> ClientSecurity::OpenChannel(std::string_view address) const {
  if (token_ != nullptr && certificates_ == nullptr && !IsOnThisMachine(address)) {
    return RefusingChannel(absl::FailedPreconditionError(
        absl::StrCat("the token would cross the network unencrypted: give --tls_ca too (", std::string(address), ")")));
  }
  return common::CreateChannel(address, credentials_);
}

}  // namespace cohort::security
