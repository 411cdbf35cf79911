// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/testing/random_texts.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace cohort::model {
namespace {

std::string EncodeUtf8(uint32_t code_point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) return {static_cast<char>(0xC0 | code_point >> 6), tail(0)};
  if (code_point < 0x10000) return {static_cast<char>(0xE0 | code_point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code_point >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace

RandomTexts::RandomTexts(uint64_t seed) : state_(seed) {
  const auto recipe = nlohmann::json::parse(std::ifstream("model/testdata/tokenizers/random_text_recipe.json"));
  for (const auto& alphabet : recipe["alphabets"]) {
    std::vector<Entry>& entries = alphabets_.emplace_back();
    for (const auto& entry : alphabet) {
      if (entry.is_string()) {
        entries.push_back({entry.get<std::string>()});
      } else {
        entries.push_back({"", entry[0].get<uint32_t>(), entry[1].get<uint32_t>()});
      }
    }
  }
}

uint64_t RandomTexts::Below(uint64_t bound) {
  uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return (z ^ z >> 31) % bound;
}

std::string RandomTexts::NextText() {
  const std::vector<Entry>* chosen[2];
  for (auto& alphabet : chosen) alphabet = &alphabets_[Below(alphabets_.size())];
  std::string text;
  for (uint64_t draws = 1 + Below(20); draws > 0; --draws) {
    const std::vector<Entry>& alphabet = *chosen[Below(2)];
    const Entry& entry = alphabet[Below(alphabet.size())];
    text += entry.text.empty() ? EncodeUtf8(entry.first + static_cast<uint32_t>(Below(entry.last - entry.first + 1)))
                               : entry.text;
  }
  return text;
}

std::vector<int32_t> RandomTexts::NextIds(int64_t vocab_size) {
  std::vector<int32_t> ids(1 + Below(12));
  for (int32_t& id : ids) id = static_cast<int32_t>(Below(static_cast<uint64_t>(vocab_size)));
  return ids;
}

}  // namespace cohort::model
