// SPDX-License-Identifier: Apache-2.0
#include "common/security/pem_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/security/secret_file.h"
#include "common/status_macros.h"

namespace cohort::security {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

absl::Status Bad(std::string_view path, std::string_view why) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(std::string(path), ": ", std::string(why)));
}

Owned<BIO> Open(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without it OpenSSL would ask at the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*is_writing*/, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

absl::Time ExpiryOf(const X509* certificate) {
  tm time = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&time));
}

absl::StatusOr<std::vector<Owned<X509>>> ParseCertificates(std::string_view path, const std::string& text) {
  const Owned<BIO> bio = Open(text);
  std::vector<Owned<X509>> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_at_end) return Bad(path, absl::StrCat("certificate ", certificates.size() + 1, " is damaged"));
  if (certificates.empty()) return Bad(path, "has no certificate (PEM)");
  return certificates;
}

absl::StatusOr<Owned<EVP_PKEY>> ParseKey(std::string_view path, const std::string& text) {
  const Owned<BIO> bio = Open(text);
  bool was_asked = false;
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &was_asked));
  if (was_asked) return Bad(path, "the private key is encrypted, which is not supported");
  if (key == nullptr) return Bad(path, "has no private key (PEM), or a damaged one");
  return key;
}

absl::Time FirstExpiry(const std::vector<Owned<X509>>& certificates) {
  absl::Time first = absl::InfiniteFuture();
  for (const auto& certificate : certificates) first = std::min(first, ExpiryOf(certificate.get()));
  return first;
}

}  // namespace

absl::StatusOr<PemText> LoadIdentity(std::string_view certificate_path, std::string_view key_path) {
  COHORT_ASSIGN_OR_RETURN(const std::string chain, common::ReadFile(certificate_path));
  COHORT_ASSIGN_OR_RETURN(const SecretFile key_file, ReadSecretFile(key_path));
  COHORT_ASSIGN_OR_RETURN(const auto certificates, ParseCertificates(certificate_path, chain));
  COHORT_ASSIGN_OR_RETURN(const auto key, ParseKey(key_path, key_file.content));
  if (X509_check_private_key(certificates.front().get(), key.get()) != 1) {
    return Bad(key_path, absl::StrCat("is not the key of the first certificate of ", std::string(certificate_path)));
  }
  return PemText{.text = absl::StrCat(key_file.content, "\n", chain), .expires = FirstExpiry(certificates)};
}

absl::StatusOr<PemText> LoadAuthorities(std::string_view path) {
  COHORT_ASSIGN_OR_RETURN(std::string text, common::ReadFile(path));
  COHORT_ASSIGN_OR_RETURN(const auto certificates, ParseCertificates(path, text));
  return PemText{.text = std::move(text), .expires = FirstExpiry(certificates)};
}

}  // namespace cohort::security
