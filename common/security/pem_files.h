// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_PEM_FILES_H_
#define COHORT_COMMON_SECURITY_PEM_FILES_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cohort::security {

// Certificates as PEM text that has been looked through.
struct PemText {
  std::string text;
  // When the first of the certificates to expire does so.
  absl::Time expires;
};

// A private key and the certificate chain that belongs to it, own certificate first, as one text. The key file is read
// as a secret (secret_file.h). INVALID_ARGUMENT when a file holds no PEM or is damaged, the key is encrypted, or key
// and certificate do not belong together; other codes as of the file system. Every error names the file. Expired
// certificates are no error here: the other side judges them.
absl::StatusOr<PemText> LoadIdentity(std::string_view certificate_path, std::string_view key_path);

// The certificates of one or more authorities, which sign what is trusted.
absl::StatusOr<PemText> LoadAuthorities(std::string_view path);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_PEM_FILES_H_
