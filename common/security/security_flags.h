// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_SECURITY_FLAGS_H_
#define COHORT_COMMON_SECURITY_SECURITY_FLAGS_H_

#include "common/security/client_security.h"
#include "common/security/server_security.h"

namespace CLI {
class App;
}

namespace cohort::security {

// The flags of every binary that serves: --tls_certificate, --tls_key, --tls_client_ca, --tokens. `files` must outlive
// the parse. Secrets are in files, never in flags: the command line of a process can be read by everybody.
void AddServerSecurityFlags(CLI::App* app, ServerSecurityFiles* files);

// The flags of every binary that calls: --tls_ca, --tls_client_certificate, --tls_client_key, --token_file. With
// `reads_environment` a flag that is not given is taken from COHORT_TLS_CA, COHORT_TLS_CLIENT_CERTIFICATE,
// COHORT_TLS_CLIENT_KEY, COHORT_TOKEN_FILE. `files` must outlive the parse.
void AddClientSecurityFlags(CLI::App* app, ClientSecurityFiles* files, bool reads_environment);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_SECURITY_FLAGS_H_
