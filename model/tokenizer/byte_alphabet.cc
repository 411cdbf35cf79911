// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "common/utf8.h"

namespace cohort::model {
namespace {

constexpr uint32_t kFirstStandIn = 0x100;
constexpr size_t kNumStandIns = 68;

struct Alphabet {
  std::array<uint16_t, 256> code_point_of_byte{};
  std::array<int16_t, kFirstStandIn + kNumStandIns> byte_of_code_point{};
};

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr Alphabet MakeAlphabet() {
  Alphabet alphabet;
  for (int16_t& byte : alphabet.byte_of_code_point) byte = -1;
  uint32_t next = kFirstStandIn;
  for (int byte = 0; byte < 256; ++byte) {
    const uint32_t code_point = StandsForItself(byte) ? static_cast<uint32_t>(byte) : next++;
    alphabet.code_point_of_byte[byte] = static_cast<uint16_t>(code_point);
    alphabet.byte_of_code_point[code_point] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = MakeAlphabet();

}  // namespace

std::string ToByteAlphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    common::AppendUtf8(kAlphabet.code_point_of_byte[static_cast<unsigned char>(byte)], &text);
  }
  return text;
}

std::optional<std::string> FromByteAlphabet(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t code_point = static_cast<unsigned char>(text[i]);
    if (code_point >= 0xE0) return std::nullopt;  // three bytes or more: beyond the alphabet
    if (code_point >= 0xC0 && i + 1 < text.size()) {
      code_point = (code_point & 0x1F) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3F);
    }
    if (code_point >= kAlphabet.byte_of_code_point.size() || kAlphabet.byte_of_code_point[code_point] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(kAlphabet.byte_of_code_point[code_point]));
  }
  return bytes;
}

}  // namespace cohort::model
