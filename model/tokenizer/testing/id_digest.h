// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TESTING_ID_DIGEST_H_
#define COHORT_MODEL_TOKENIZER_TESTING_ID_DIGEST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"

namespace cohort::model {

// FNV-1a over lists of ids or bytes, as model/testdata/tokenizer_texts.py computes it. Not thread-safe.
class IdDigest final {
 public:
  void Add(const std::vector<int32_t>& ids) {
    for (const int32_t id : ids) Mix(static_cast<uint32_t>(id));
    Mix(0xFFFFFFFF);
  }
  void Add(std::string_view bytes) {
    for (const char byte : bytes) Mix(static_cast<unsigned char>(byte));
    Mix(0xFFFFFFFF);
  }
  std::string Hex() const { return absl::StrFormat("%016x", value_); }

 private:
  void Mix(uint32_t number) { value_ = (value_ ^ number) * 0x100000001B3; }

  uint64_t value_ = 0xCBF29CE484222325;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TESTING_ID_DIGEST_H_
