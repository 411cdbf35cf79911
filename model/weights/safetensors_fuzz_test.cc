// SPDX-License-Identifier: Apache-2.0
// Damaged headers and indexes by the thousand, from a fixed seed: each is refused with a Status, or is whole after all.
// Worth the most under `--config=asan_ubsan`.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/testing/temp_dir.h"
#include "model/weights/safetensors_header.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

constexpr int64_t kDataBytes = 44;
constexpr char kHeader[] = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                           R"("b.weight":{"dtype":"BF16","shape":[6],"data_offsets":[24,36]},)"
                           R"("empty":{"dtype":"F16","shape":[0,7],"data_offsets":[36,36]},)"
                           R"("c":{"dtype":"I64","shape":[],"data_offsets":[36,44]}})";
constexpr char kIndex[] = R"({"metadata":{"total_size":44},"weight_map":{"a":"model-00001-of-00001.safetensors",)"
                          R"("b.weight":"model-00001-of-00001.safetensors","empty":"model-00001-of-00001.safetensors",)"
                          R"("c":"model-00001-of-00001.safetensors"}})";

// Texts that a hostile writer would put in the place of a value.
constexpr const char* kValues[] = {"-1",
                                   "0",
                                   "1",
                                   "4611686018427387904",
                                   "9223372036854775807",
                                   "1.5",
                                   "1e999",
                                   "null",
                                   "18446744073709551615",
                                   "18446744073709551616",
                                   "[]",
                                   "{}",
                                   "true",
                                   "\"\"",
                                   "\"../x\"",
                                   "[[",
                                   "\"F64\"",
                                   "\"a\"",
                                   "\"\\u0000\"",
                                   "[0,44]"};

class Mutator final {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return bound == 0 ? 0 : std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }

  // One to four changes of `text`.
  std::string Mutate(std::string text) {
    for (size_t left = 1 + Below(4); left > 0; --left) Change(&text);
    return text;
  }

 private:
  void Change(std::string* text) {
    const size_t at = Below(text->size());
    switch (Below(7)) {
      case 0:  // another byte
        if (!text->empty()) (*text)[at] = static_cast<char>(Below(256));
        return;
      case 1:  // cut off
        text->resize(at);
        return;
      case 2:  // a piece taken out
        text->erase(at, 1 + Below(12));
        return;
      case 3:  // a piece of it spliced in elsewhere, which gives keys twice
        text->insert(at, text->substr(Below(text->size()), Below(60)));
        return;
      case 4:  // a value replaced
        return ReplaceToken(at, kValues[Below(std::size(kValues))], text);
      case 5:  // a digit changed
        return ReplaceDigit(at, text);
      default:  // a byte too many
        text->insert(at, 1, static_cast<char>(Below(256)));
    }
  }
  // The number or string that begins at or after `at`.
  void ReplaceToken(size_t at, const char* value, std::string* text) {
    const size_t begin = text->find_first_of("\"0123456789", at);
    if (begin == std::string::npos) return;
    const bool is_string = (*text)[begin] == '"';
    size_t end = is_string ? text->find('"', begin + 1) : text->find_first_not_of("0123456789", begin);
    if (end == std::string::npos) return;
    if (is_string) ++end;
    text->replace(begin, end - begin, value);
  }
  void ReplaceDigit(size_t at, std::string* text) {
    const size_t digit = text->find_first_of("0123456789", at);
    if (digit != std::string::npos) (*text)[digit] = static_cast<char>('0' + Below(10));
  }

  std::mt19937_64 random_;
};

std::string FileOf(uint64_t header_bytes, const std::string& rest) {
  std::string length(8, '\0');
  std::memcpy(length.data(), &header_bytes, 8);
  return length + rest;
}

void Write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// What holds of every header that is accepted.
void ExpectWhole(const std::vector<SafetensorsEntry>& entries, int64_t data_bytes, const std::string& header) {
  int64_t end = 0;
  std::set<std::string> names;
  for (const SafetensorsEntry& entry : entries) {
    EXPECT_EQ(entry.offset_bytes, end) << header;
    EXPECT_EQ(entry.size_bytes, TensorSizeBytes(entry.dtype, entry.shape)) << header;
    EXPECT_TRUE(names.insert(entry.name).second) << header;
    end += entry.size_bytes;
  }
  EXPECT_EQ(end, data_bytes) << header;
}

TEST(SafetensorsFuzzTest, DamagedHeadersAreRefusedOrWhole) {
  Mutator mutator(1);
  int num_refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string header = mutator.Mutate(kHeader);
    const auto entries = ParseSafetensorsHeader(header, kDataBytes, "fuzz.safetensors");
    if (entries.ok()) {
      ExpectWhole(*entries, kDataBytes, header);
      continue;
    }
    ++num_refused;
    ASSERT_FALSE(entries.status().message().empty()) << header;
    ASSERT_LT(entries.status().message().size(), 1000u) << header;
  }
  EXPECT_GT(num_refused, 15'000);
}

TEST(SafetensorsFuzzTest, DamagedFilesAreRefusedOrRead) {
  const common::TempDir dir;
  const std::string path = dir.Join("fuzz.safetensors");
  const std::string whole = FileOf(sizeof(kHeader) - 1, kHeader + std::string(kDataBytes, 'x'));
  Mutator mutator(2);
  int num_refused = 0;
  for (int round = 0; round < 4'000; ++round) {
    const std::string bytes = mutator.Mutate(whole);
    Write(path, bytes);
    const auto reader = SafetensorsReader::Open(path);
    num_refused += !reader.ok();
    if (!reader.ok()) continue;
    for (const SafetensorsEntry& entry : (*reader)->entries()) ASSERT_TRUE((*reader)->ReadAll(entry).ok());
  }
  EXPECT_GT(num_refused, 2'000);
}

TEST(SafetensorsFuzzTest, EveryHeaderLengthIsRefusedOrRight) {
  const common::TempDir dir;
  const std::string path = dir.Join("fuzz.safetensors");
  const std::string rest = kHeader + std::string(kDataBytes, 'x');
  const uint64_t right = sizeof(kHeader) - 1;
  for (int shift = 0; shift < 64; ++shift) {
    for (const uint64_t length : {uint64_t{1} << shift, ~(uint64_t{1} << shift), right ^ (uint64_t{1} << shift)}) {
      Write(path, FileOf(length, rest));
      EXPECT_EQ(SafetensorsReader::Open(path).ok(), length == right) << length;
    }
  }
  for (size_t size = 0; size < 8 + rest.size(); ++size) {
    Write(path, FileOf(right, rest).substr(0, size));
    EXPECT_FALSE(SafetensorsReader::Open(path).ok()) << size;
  }
}

TEST(SafetensorsFuzzTest, DamagedIndexesAreRefusedOrWhole) {
  const common::TempDir dir;
  Write(dir.Join("model-00001-of-00001.safetensors"),
        FileOf(sizeof(kHeader) - 1, kHeader + std::string(kDataBytes, 'x')));
  const std::string index = dir.Join("model.safetensors.index.json");
  const std::vector<ParameterSpec> parameters = {{"a", {2, 3}}, {"b.weight", {6}}};
  Mutator mutator(3);
  int num_refused = 0;
  for (int round = 0; round < 4'000; ++round) {
    const std::string text = mutator.Mutate(kIndex);
    Write(index, text);
    const auto files = WeightFiles::Open(dir.path());
    num_refused += !files.ok();
    if (!files.ok()) continue;
    EXPECT_EQ(files->files().size(), 1u) << text;
    EXPECT_FALSE(files->Check(parameters, /*tie_word_embeddings=*/false).ok());  // surplus tensors
  }
  EXPECT_GT(num_refused, 2'000);
}

}  // namespace
}  // namespace cohort::model
