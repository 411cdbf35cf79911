// SPDX-License-Identifier: Apache-2.0
#include "common/security/testing/test_authority.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "common/files.h"

namespace cohort::security {
namespace {

constexpr char kAuthority[] = "critical,CA:TRUE";

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "test_authority: %s failed\n", what);
  abort();
}

template <typename Write>
std::string Pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  Require(write(bio) == 1, "writing PEM");
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context = {};
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "adding an extension");
  X509_EXTENSION_free(extension);
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name)
    : name_(name),
      key_(EVP_EC_gen("P-256")),
      certificate_(Sign(name, kAuthority, key_.get(), absl::Now() + absl::Hours(240), nullptr, key_.get())) {}

std::string TestAuthority::Certificate() const {
  return Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate_.get()); });
}

TestIdentity TestAuthority::Issue(const std::string& host, absl::Time expires) const {
  const Key key(EVP_EC_gen("P-256"));
  const bool is_number =
      std::all_of(host.begin(), host.end(), [](char c) { return absl::ascii_isdigit(c) || c == '.'; });
  const Certified certificate =
      Sign(host, (is_number ? "IP:" : "DNS:") + host, key.get(), expires, certificate_.get(), key_.get());
  return {.certificate = Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }),
          .key = Pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

TestIdentity TestAuthority::Issue() const { return Issue("127.0.0.1", absl::Now() + absl::Hours(240)); }

TestAuthority::Certified TestAuthority::Sign(const std::string& name, const std::string& extension, EVP_PKEY* key,
                                             absl::Time expires, const X509* authority, EVP_PKEY* authority_key) {
  Certified certificate(X509_new());
  X509* const raw = certificate.get();
  uint64_t serial = 0;
  Require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1, "making a serial number");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), serial >> 1);
  X509_set_version(raw, X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(raw), absl::ToTimeT(std::min(absl::Now(), expires) - absl::Hours(1)));
  ASN1_TIME_set(X509_getm_notAfter(raw), absl::ToTimeT(expires));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(raw, X509_get_subject_name(authority == nullptr ? raw : authority));
  X509_set_pubkey(raw, key);
  AddExtension(raw, authority == nullptr ? NID_basic_constraints : NID_subject_alt_name, extension);
  Require(X509_sign(raw, authority_key, EVP_sha256()) > 0, "signing");
  return certificate;
}

void WriteSecret(const std::string& path, std::string_view content) {
  const std::string other = path + ".next";
  Require(common::WriteFileAtomically(other, content).ok(), "writing a file");
  Require(chmod(other.c_str(), 0600) == 0 && rename(other.c_str(), path.c_str()) == 0, "replacing a file");
}

}  // namespace cohort::security
