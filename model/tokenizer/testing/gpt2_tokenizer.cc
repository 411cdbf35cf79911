// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/testing/gpt2_tokenizer.h"

#include <zlib.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "model/tokenizer/byte_alphabet.h"

namespace cohort::model {
namespace {

using nlohmann::json;

constexpr char kMergesFile[] = "model/testdata/tokenizers/gpt2/merges.txt.gz";

absl::StatusOr<std::string> ReadGzip(const char* path) {
  gzFile file = gzopen(path, "rb");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::string text;
  char buffer[65536];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof(buffer))) > 0) text.append(buffer, static_cast<size_t>(count));
  gzclose(file);
  if (count < 0) return absl::DataLossError(absl::StrCat(path, ": is broken"));
  return text;
}

// The bytes that stand for themselves come first.
json ByteTokens() {
  json vocabulary = json::object();
  for (const bool stands_for_itself : {true, false}) {
    for (int byte = 0; byte < 256; ++byte) {
      const std::string token = ToByteAlphabet(std::string(1, static_cast<char>(byte)));
      const bool is_low = token.size() == 1 || static_cast<unsigned char>(token[0]) < 0xC4;  // below U+0100
      if (is_low == stands_for_itself) vocabulary[token] = vocabulary.size();
    }
  }
  return vocabulary;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadGpt2Tokenizer(const std::string& folder) {
  COHORT_ASSIGN_OR_RETURN(const std::string text, ReadGzip(kMergesFile));
  json vocabulary = ByteTokens();
  json merges = json::array();
  std::istringstream lines(text);
  std::string left, right;
  while (lines >> left >> right) {
    vocabulary[left + right] = vocabulary.size();
    merges.push_back({left, right});
  }
  const auto end_of_text = vocabulary.size();
  vocabulary["<|endoftext|>"] = end_of_text;
  const json description = {
      {"added_tokens", {{{"id", end_of_text}, {"content", "<|endoftext|>"}, {"special", true}, {"normalized", false}}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}};
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(absl::StrCat(folder, "/tokenizer.json"), description.dump()));
  return Tokenizer::Load(folder);
}

}  // namespace cohort::model
