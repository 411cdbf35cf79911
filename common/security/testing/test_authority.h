// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_TESTING_TEST_AUTHORITY_H_
#define COHORT_COMMON_SECURITY_TESTING_TEST_AUTHORITY_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace cohort::security {

// A certificate and its key, PEM.
struct TestIdentity {
  std::string certificate;
  std::string key;
};

// An authority that signs certificates for tests, with keys made on the spot (P-256). Aborts when OpenSSL fails. Not
// thread-safe.
class TestAuthority final {
 public:
  explicit TestAuthority(const std::string& name);

  // PEM.
  std::string Certificate() const;
  // A certificate for `host`, a name or an IPv4 number, that is valid from an hour ago, or an hour before it expires,
  // to `expires`. Two calls give two keys.
  TestIdentity Issue(const std::string& host, absl::Time expires) const;
  // For 127.0.0.1, valid for ten days.
  TestIdentity Issue() const;

 private:
  struct Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  using Certified = std::unique_ptr<X509, Free>;
  using Key = std::unique_ptr<EVP_PKEY, Free>;

  // Signed by `authority` and `authority_key`, which are the certificate and its own key for an authority.
  static Certified Sign(const std::string& name, const std::string& extension, EVP_PKEY* key, absl::Time expires,
                        const X509* authority, EVP_PKEY* authority_key);

  const std::string name_;
  const Key key_;
  const Certified certificate_;
};

// Writes a file that only the owner can read, in one step.
void WriteSecret(const std::string& path, std::string_view content);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_TESTING_TEST_AUTHORITY_H_
