// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/tokenizer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/regular_file.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/byte_alphabet.h"
#include "model/tokenizer/nfc.h"
#include "model/tokenizer/pre_tokenizer.h"
#include "model/tokenizer/token_collection.h"
#include "model/tokenizer/tokenizer_description.h"
#include "model/tokenizer/utf8.h"

namespace cohort::model {
namespace {

// Positions in a piece are 32-bit; NFC makes a text three times as long at most.
constexpr size_t kMaxTextBytes = size_t{1} << 29;

class ByteLevelTokenizer final : public Tokenizer {
 public:
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(const TokenizerDescription& description);

  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text) const override {
    std::vector<int32_t> ids;
    COHORT_RETURN_IF_ERROR(AppendText(text, &ids));
    return ids;
  }

  absl::StatusOr<std::vector<int32_t>> EncodeWithSpecialTokens(std::string_view text) const override {
    std::vector<int32_t> ids = template_ids_.leading;
    COHORT_RETURN_IF_ERROR(AppendText(text, &ids));
    ids.insert(ids.end(), template_ids_.trailing.begin(), template_ids_.trailing.end());
    return ids;
  }

  absl::StatusOr<std::string> Decode(const std::vector<int32_t>& ids, bool keep_special) const override {
    for (const int32_t id : ids) COHORT_RETURN_IF_ERROR(CheckId(id));
    std::string bytes = texts_.Join(ids, keep_special);
    return FindInvalidUtf8(bytes) == bytes.size() ? std::move(bytes) : ReplaceInvalidUtf8(bytes);
  }

  absl::StatusOr<std::string> TokenText(int32_t id) const override {
    COHORT_RETURN_IF_ERROR(CheckId(id));
    return std::string(texts_.Bytes(id));
  }

  bool IsSpecial(int32_t id) const override { return id >= 0 && texts_.IsSpecial(id); }

  int64_t VocabSize() const override { return static_cast<int64_t>(texts_.num_ids()); }

 private:
  ByteLevelTokenizer(const TokenizerDescription& description, TokenCollection tokens, PreTokenizer pre_tokenizer,
                     Bpe bpe)
      : normalizes_nfc_(description.normalizes_nfc),
        add_prefix_space_(description.pre_tokenization.add_prefix_space),
        template_ids_(description.template_ids),
        texts_(std::move(tokens.texts)),
        raw_tokens_(tokens.raw_tokens),
        normalized_tokens_(tokens.normalized_tokens),
        pre_tokenizer_(std::move(pre_tokenizer)),
        bpe_(std::move(bpe)) {}

  static absl::Status CheckId(int32_t id) {
    if (id >= 0) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("token id: must not be negative (", id, ")"));
  }

  absl::Status AppendText(std::string_view text, std::vector<int32_t>* ids) const;
  absl::Status AppendUnnormalized(std::string_view section, std::vector<int32_t>* ids) const;
  absl::Status AppendPieces(std::string_view section, std::vector<int32_t>* ids) const;

  const bool normalizes_nfc_;
  const bool add_prefix_space_;
  const TemplateIds template_ids_;
  const TokenTexts texts_;
  const AddedTokens raw_tokens_;
  const AddedTokens normalized_tokens_;
  const PreTokenizer pre_tokenizer_;
  const Bpe bpe_;
};

absl::Status ByteLevelTokenizer::AppendText(std::string_view text, std::vector<int32_t>* ids) const {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("text: must have at most ", kMaxTextBytes, " bytes (", text.size(), ")"));
  }
  const size_t invalid = FindInvalidUtf8(text);
  if (invalid != text.size()) {
    return absl::InvalidArgumentError(absl::StrCat("text: is not UTF-8 (byte ", invalid, ")"));
  }
  ids->reserve(ids->size() + text.size() / 3 + 8);
  std::vector<AddedTokens::Section> sections;
  raw_tokens_.Split(text, &sections);
  for (const AddedTokens::Section& section : sections) {
    if (section.id >= 0) {
      ids->push_back(section.id);
    } else {
      COHORT_RETURN_IF_ERROR(AppendUnnormalized(section.text, ids));
    }
  }
  return absl::OkStatus();
}

absl::Status ByteLevelTokenizer::AppendUnnormalized(std::string_view section, std::vector<int32_t>* ids) const {
  std::string normalized;
  if (normalizes_nfc_) {
    COHORT_ASSIGN_OR_RETURN(section, ToNfc(section, &normalized));
  }
  if (normalized_tokens_.empty()) return AppendPieces(section, ids);
  std::vector<AddedTokens::Section> finer;
  normalized_tokens_.Split(section, &finer);
  for (const AddedTokens::Section& part : finer) {
    if (part.id >= 0) {
      ids->push_back(part.id);
    } else {
      COHORT_RETURN_IF_ERROR(AppendPieces(part.text, ids));
    }
  }
  return absl::OkStatus();
}

absl::Status ByteLevelTokenizer::AppendPieces(std::string_view section, std::vector<int32_t>* ids) const {
  std::string prefixed;
  if (add_prefix_space_ && section[0] != ' ') {
    prefixed = absl::StrCat(" ", std::string(section));
    section = prefixed;
  }
  std::vector<std::string_view> pieces;
  pieces.reserve(section.size() / 3 + 8);
  COHORT_RETURN_IF_ERROR(pre_tokenizer_.Split(section, &pieces));
  for (const std::string_view piece : pieces) COHORT_RETURN_IF_ERROR(bpe_.Encode(piece, ids));
  return absl::OkStatus();
}

// BPE sees bytes only, so a token outside the byte alphabet never comes up. A merge of one could never apply and is
// refused: such a vocabulary was not written for byte-level BPE.
absl::StatusOr<Bpe> CreateBpe(const TokenizerDescription& description) {
  Bpe::Vocabulary vocabulary;
  vocabulary.reserve(description.vocabulary.size());
  for (const auto& [token, id] : description.vocabulary) {
    if (std::optional<std::string> bytes = FromByteAlphabet(token)) vocabulary.emplace(*std::move(bytes), id);
  }
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(description.merges.size());
  for (size_t rank = 0; rank < description.merges.size(); ++rank) {
    const auto& [left, right] = description.merges[rank];
    std::optional<std::string> left_bytes = FromByteAlphabet(left);
    std::optional<std::string> right_bytes = FromByteAlphabet(right);
    if (!left_bytes.has_value() || !right_bytes.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.merges: entry ", rank, " has a character outside the byte alphabet"));
    }
    merges.emplace_back(*std::move(left_bytes), *std::move(right_bytes));
  }
  return Bpe::Create(vocabulary, merges, description.ignore_merges);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> ByteLevelTokenizer::Create(const TokenizerDescription& description) {
  COHORT_ASSIGN_OR_RETURN(TokenCollection tokens, CollectTokens(description));
  COHORT_ASSIGN_OR_RETURN(Bpe bpe, CreateBpe(description));
  COHORT_ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer,
                          PreTokenizer::Create(description.pre_tokenization.split_patterns));
  return std::unique_ptr<Tokenizer>(
      new ByteLevelTokenizer(description, std::move(tokens), std::move(pre_tokenizer), std::move(bpe)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Load(std::string_view directory) {
  const std::string path = absl::StrCat(std::string(directory), "/tokenizer.json");
  COHORT_ASSIGN_OR_RETURN(const std::string text, ReadRegularFile(path));
  COHORT_ASSIGN_OR_RETURN(const TokenizerDescription description, ParseTokenizerDescription(text, path));
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = ByteLevelTokenizer::Create(description);
  if (!tokenizer.ok()) {
    return absl::Status(tokenizer.status().code(), absl::StrCat(path, ": ", tokenizer.status().message()));
  }
  return tokenizer;
}

}  // namespace cohort::model
