// SPDX-License-Identifier: Apache-2.0
#include "common/security/security_flags.h"

#include <CLI/CLI.hpp>
#include <string>

namespace cohort::security {

void AddServerSecurityFlags(CLI::App* app, ServerSecurityFiles* files) {
  app->add_option("--tls_certificate", files->certificate, "PEM file of this server's certificate chain: serve TLS");
  app->add_option("--tls_key", files->key, "PEM file of its private key");
  app->add_option("--tls_client_ca", files->client_authorities,
                  "PEM file of authorities: ask clients for a certificate that one of them signed");
  app->add_option("--tokens", files->tokens, "file of tokens and their roles: ask every call for one of them");
}

void AddClientSecurityFlags(CLI::App* app, ClientSecurityFiles* files, bool reads_environment) {
  const auto add = [&](const char* flag, std::string* value, const char* help, const char* variable) {
    CLI::Option* option = app->add_option(flag, *value, help);
    if (reads_environment) option->envname(variable);
  };
  add("--tls_ca", &files->authorities, "PEM file of authorities: call over TLS, servers that one of them signed",
      "COHORT_TLS_CA");
  add("--tls_client_certificate", &files->certificate, "PEM file of the certificate chain to show to servers",
      "COHORT_TLS_CLIENT_CERTIFICATE");
  add("--tls_client_key", &files->key, "PEM file of its private key", "COHORT_TLS_CLIENT_KEY");
  add("--token_file", &files->token, "file with the token to send with every call", "COHORT_TOKEN_FILE");
}

}  // namespace cohort::security
