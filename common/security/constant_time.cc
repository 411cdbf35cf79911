// SPDX-License-Identifier: Apache-2.0
#include "common/security/constant_time.h"

#include <openssl/crypto.h>

namespace cohort::security {

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace cohort::security
