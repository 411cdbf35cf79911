// SPDX-License-Identifier: Apache-2.0
#include "common/security/server_security.h"

#include <grpcpp/security/tls_credentials_options.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/network_address.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::security {
namespace {

absl::Status CheckFiles(const ServerSecurityFiles& files, const common::NetworkAddress& listen) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("--tls_certificate and --tls_key: must be given together");
  }
  if (files.certificate.empty() && !files.client_authorities.empty()) {
    return absl::InvalidArgumentError("--tls_client_ca: needs --tls_certificate and --tls_key");
  }
  if (!files.tokens.empty() && files.certificate.empty() && !common::IsLoopback(listen)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tokens: would cross the network unencrypted: give --tls_certificate and --tls_key too, or listen on "
        "loopback (",
        common::JoinAddress(listen), ")"));
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ServerCredentials> TlsServer(const CertificateWatch& certificates, bool asks_for_certificate) {
  grpc::experimental::TlsServerCredentialsOptions options(certificates.provider());
  options.watch_identity_key_cert_pairs();
  if (asks_for_certificate) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerSecurity>> ServerSecurity::Create(const ServerSecurityFiles& files,
                                                                       std::string_view listen, common::Clock* clock,
                                                                       std::string_view admitting_service,
                                                                       CertificateMetrics* metrics) {
  COHORT_ASSIGN_OR_RETURN(const common::NetworkAddress address, common::ParseAddress(listen));
  COHORT_RETURN_IF_ERROR(CheckFiles(files, address));
  std::unique_ptr<ServerSecurity> self(new ServerSecurity);
  if (!files.tokens.empty()) {
    COHORT_ASSIGN_OR_RETURN(auto tokens, TokenTable::Open(files.tokens, clock));
    self->authorizer_ = std::make_shared<CallAuthorizer>(std::move(tokens), clock, admitting_service);
  }
  if (!files.certificate.empty()) {
    COHORT_ASSIGN_OR_RETURN(
        self->certificates_,
        CertificateWatch::Create({files.certificate, files.key, files.client_authorities}, metrics));
    self->credentials_ = TlsServer(*self->certificates_, !files.client_authorities.empty());
  } else if (self->authorizer_ != nullptr) {
    // Unlike insecure credentials these can have an authorizer; they refuse connections from other machines.
    self->credentials_ = grpc::experimental::LocalServerCredentials(LOCAL_TCP);
  } else {
    self->credentials_ = grpc::InsecureServerCredentials();
    if (!common::IsLoopback(address)) {
      log::Warning("server_is_unprotected", {{"listen", listen}, {"reason", "neither --tls_certificate nor --tokens"}});
    }
  }
  if (self->authorizer_ != nullptr) self->credentials_->SetAuthMetadataProcessor(self->authorizer_);
  return self;
}

absl::StatusOr<Caller> ServerSecurity::CallerOf(const grpc::ServerContext& context) const {
  if (authorizer_ == nullptr) return Caller();
  return authorizer_->CallerOf(context);
}

absl::StatusOr<Caller> ServerSecurity::Admit(const grpc::ServerContext& context, const std::string& method) const {
  if (authorizer_ == nullptr) return Caller();
  return authorizer_->Admit(context, method);
}

}  // namespace cohort::security
