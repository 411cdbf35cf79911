// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_BEARER_TOKEN_H_
#define COHORT_COMMON_SECURITY_BEARER_TOKEN_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/clock.h"

namespace cohort::security {

// Puts "authorization: Bearer TOKEN" on every call, with the token that the file holds at the time (reloaded_file.h).
// The file has one token (token_text.h) and blanks around it at most; errors name the file and not the token. With
// `needs_encryption` gRPC sends it over TLS alone. `clock` must outlive the credentials.
absl::StatusOr<std::shared_ptr<grpc::CallCredentials>> BearerTokenCredentials(std::string_view path,
                                                                              bool needs_encryption,
                                                                              common::Clock* clock);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_BEARER_TOKEN_H_
