// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TESTING_RANDOM_TEXTS_H_
#define COHORT_MODEL_TOKENIZER_TESTING_RANDOM_TEXTS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace cohort::model {

// The random texts and ids that model/testdata/make_tokenizer_vectors.py gave to the oracle: the same generator
// (SplitMix64), seeds and recipe as there. Not thread-safe.
class RandomTexts final {
 public:
  // Reads model/testdata/tokenizers/random_text_recipe.json; ends the test binary when it is not there.
  explicit RandomTexts(uint64_t seed);

  std::string NextText();
  std::vector<int32_t> NextIds(int64_t vocab_size);
  // From 0 to `bound` - 1.
  uint64_t Below(uint64_t bound);

 private:
  struct Entry {
    std::string text;  // empty: a code point of the range
    uint32_t first = 0, last = 0;
  };

  uint64_t state_;
  std::vector<std::vector<Entry>> alphabets_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TESTING_RANDOM_TEXTS_H_
