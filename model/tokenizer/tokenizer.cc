// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/tokenizer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/regular_file.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/byte_alphabet.h"
#include "model/tokenizer/pre_tokenizer.h"
#include "model/tokenizer/tokenizer_description.h"
#include "model/tokenizer/utf8.h"

namespace cohort::model {
namespace {

constexpr char kReplacementCharacter[] = "\xEF\xBF\xBD";  // U+FFFD

struct DecodedToken {
  bool known = false;
  bool special = false;
  std::string bytes;
};

class ByteLevelTokenizer final : public Tokenizer {
 public:
  ByteLevelTokenizer(Bpe bpe, std::unique_ptr<PreTokenizer> pre_tokenizer, const std::vector<AddedToken>& added_tokens,
                     std::vector<DecodedToken> tokens)
      : bpe_(std::move(bpe)),
        pre_tokenizer_(std::move(pre_tokenizer)),
        added_tokens_(added_tokens),
        tokens_(std::move(tokens)) {}

  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text) const override {
    const size_t invalid = FindInvalidUtf8(text);
    if (invalid != text.size()) {
      return absl::InvalidArgumentError(absl::StrCat("text: is not UTF-8 (byte ", invalid, ")"));
    }
    std::vector<int32_t> ids;
    for (const AddedTokens::Section& section : added_tokens_.Split(text)) {
      if (section.id >= 0) {
        ids.push_back(section.id);
        continue;
      }
      std::vector<std::string_view> pieces = {section.text};
      if (pre_tokenizer_ != nullptr) {
        COHORT_ASSIGN_OR_RETURN(pieces, pre_tokenizer_->Split(section.text));
      }
      for (const std::string_view piece : pieces) COHORT_RETURN_IF_ERROR(bpe_.Encode(piece, &ids));
    }
    return ids;
  }

  absl::StatusOr<std::string> Decode(const std::vector<int32_t>& ids, bool keep_special) const override {
    std::string bytes;
    for (const int32_t id : ids) {
      if (id < 0) return absl::InvalidArgumentError(absl::StrCat("token id: must not be negative (", id, ")"));
      if (id >= VocabSize() || !tokens_[id].known) {
        bytes += kReplacementCharacter;
      } else if (!tokens_[id].special || keep_special) {
        bytes += tokens_[id].bytes;
      }
    }
    return ReplaceInvalidUtf8(bytes);
  }

  absl::StatusOr<std::string> TokenText(int32_t id) const override {
    if (id < 0) return absl::InvalidArgumentError(absl::StrCat("token id: must not be negative (", id, ")"));
    if (id >= VocabSize() || !tokens_[id].known) return std::string(kReplacementCharacter);
    return tokens_[id].bytes;
  }

  int64_t VocabSize() const override { return static_cast<int64_t>(tokens_.size()); }

 private:
  const Bpe bpe_;
  const std::unique_ptr<PreTokenizer> pre_tokenizer_;  // null: text is not split
  const AddedTokens added_tokens_;
  const std::vector<DecodedToken> tokens_;  // by id
};

// As the ByteLevel decoder does: a token with a character outside the byte alphabet stands for its own text.
std::string BytesOf(const std::string& token) { return FromByteAlphabet(token).value_or(token); }

absl::StatusOr<std::vector<DecodedToken>> CollectTokens(const TokenizerDescription& description) {
  int32_t largest = 0;
  for (const auto& [token, id] : description.vocabulary) largest = std::max(largest, id);
  for (const AddedToken& added : description.added_tokens) largest = std::max(largest, added.id);
  // A stray huge id would allocate without end.
  const size_t num_tokens = description.vocabulary.size() + description.added_tokens.size();
  if (static_cast<size_t>(largest) > 2 * num_tokens + 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.vocab: largest id is absurd for ", num_tokens, " tokens (", largest, ")"));
  }
  std::vector<DecodedToken> tokens(static_cast<size_t>(largest) + 1);
  for (const auto& [token, id] : description.vocabulary) {
    if (tokens[id].known)
      return absl::InvalidArgumentError(absl::StrCat("model.vocab: two tokens have one id (", id, ")"));
    tokens[id] = {true, false, BytesOf(token)};
  }
  std::set<std::string_view> contents;
  for (const AddedToken& added : description.added_tokens) {
    if (!contents.insert(added.content).second) {
      return absl::InvalidArgumentError(absl::StrCat("added_tokens: text of id ", added.id, " is given twice"));
    }
    const std::string bytes = BytesOf(added.content);
    if (tokens[added.id].known && tokens[added.id].bytes != bytes) {
      return absl::InvalidArgumentError(absl::StrCat("added_tokens: id belongs to another token (", added.id, ")"));
    }
    tokens[added.id] = {true, added.special, bytes};
  }
  return tokens;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Build(const TokenizerDescription& description) {
  COHORT_ASSIGN_OR_RETURN(std::vector<DecodedToken> tokens, CollectTokens(description));
  Bpe::Vocabulary vocabulary;
  vocabulary.reserve(description.vocabulary.size());
  for (const auto& [token, id] : description.vocabulary) {
    // BPE sees bytes only, so a token outside the alphabet can never come up.
    const std::optional<std::string> bytes = FromByteAlphabet(token);
    if (bytes.has_value()) vocabulary.emplace(*bytes, id);
  }
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(description.merges.size());
  for (const auto& [left, right] : description.merges) merges.emplace_back(BytesOf(left), BytesOf(right));
  COHORT_ASSIGN_OR_RETURN(Bpe bpe, Bpe::Create(std::move(vocabulary), merges, description.ignore_merges));
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  if (!description.split_pattern.empty()) {
    COHORT_ASSIGN_OR_RETURN(pre_tokenizer, PreTokenizer::Create(description.split_pattern));
  }
  return std::make_unique<ByteLevelTokenizer>(std::move(bpe), std::move(pre_tokenizer), description.added_tokens,
                                              std::move(tokens));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Load(std::string_view directory) {
  const std::string path = absl::StrCat(std::string(directory), "/tokenizer.json");
  COHORT_ASSIGN_OR_RETURN(const std::string text, ReadRegularFile(path));
  COHORT_ASSIGN_OR_RETURN(const TokenizerDescription description, ParseTokenizerDescription(text, path));
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Build(description);
  if (!tokenizer.ok()) {
    return absl::Status(tokenizer.status().code(), absl::StrCat(path, ": ", tokenizer.status().message()));
  }
  return tokenizer;
}

}  // namespace cohort::model
