// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SHA256_H_
#define COHORT_COMMON_SHA256_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace cohort::common {

// SHA-256 over bytes fed in pieces (OpenSSL). Not thread-safe; one use.
class Sha256 final {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(const void* bytes, size_t size);
  void Update(std::string_view bytes) { Update(bytes.data(), bytes.size()); }
  // 32 raw bytes.
  std::string Finish();

 private:
  void* context_;
};

// 32 raw bytes.
std::string Sha256Of(std::string_view bytes);
// Lower-case hex of raw bytes.
std::string HexOf(std::string_view bytes);

}  // namespace cohort::common

#endif  // COHORT_COMMON_SHA256_H_
