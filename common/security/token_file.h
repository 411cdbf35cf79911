// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_TOKEN_FILE_H_
#define COHORT_COMMON_SECURITY_TOKEN_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/security/caller.h"

namespace cohort::security {

// One token, of which only the digest is kept.
struct TokenEntry {
  std::string sha256;  // 32 bytes
  Caller caller;
};

// The content of a file of tokens, one a line: `TOKEN ROLE [NAMESPACES]`, separated by blanks; '#' begins a comment.
//
//   8c6d...e1  admin
//   41fa...07  submitter  team-a,team-b
//   90b2...5c  viewer     *
//   d7e8...43  worker
//
// viewer and submitter name their namespaces, or * for all; worker and admin name none. INVALID_ARGUMENT names the line
// and never the token: unknown role, missing or odd namespaces, a token that is too weak (token_text.h) or there twice,
// no token at all, more than 1000. Pure.
absl::StatusOr<std::vector<TokenEntry>> ParseTokenFile(std::string_view content);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_TOKEN_FILE_H_
