// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/token_collection.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/tokenizer/byte_alphabet.h"
#include "model/tokenizer/nfc.h"

namespace cohort::model {
namespace {

std::string Shown(std::string_view text) { return common::Printable(text, /*max_bytes=*/60); }

// As the ByteLevel decoder does: a token with a character outside the byte alphabet stands for its own text.
std::string BytesOf(const std::string& token) { return FromByteAlphabet(token).value_or(token); }

absl::StatusOr<size_t> CountIds(const TokenizerDescription& description) {
  int32_t largest = 0;
  for (const auto& [token, id] : description.vocabulary) largest = std::max(largest, id);
  for (const AddedToken& added : description.added_tokens) largest = std::max(largest, added.id);
  // A stray huge id would allocate without end.
  const size_t num_tokens = description.vocabulary.size() + description.added_tokens.size();
  if (static_cast<size_t>(largest) > 2 * num_tokens + (1 << 18)) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.vocab: largest id is absurd for ", num_tokens, " tokens (", largest, ")"));
  }
  return static_cast<size_t>(largest) + 1;
}

// Which text has which id, and the reverse.
class Registry final {
 public:
  explicit Registry(size_t num_ids) : text_of_id_(num_ids) {}

  absl::Status AddVocabulary(std::string_view text, int32_t id) {
    if (text_of_id_[id].data() != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("model.vocab: two tokens have one id (", id, ")"));
    }
    text_of_id_[id] = text;
    id_of_text_.emplace(text, id);
    return absl::OkStatus();
  }

  // An added token may repeat one of the vocabulary, with the same id.
  absl::Status AddAdded(std::string_view text, int32_t id) {
    if (!added_texts_.insert(text).second) {
      return absl::InvalidArgumentError(absl::StrCat("added_tokens: text of id ", id, " is given twice"));
    }
    if (text_of_id_[id].data() != nullptr && text_of_id_[id] != text) {
      return absl::InvalidArgumentError(absl::StrCat("added_tokens: id belongs to another token (", id, ")"));
    }
    const auto [known, is_added] = id_of_text_.emplace(text, id);
    if (!is_added && known->second != id) {
      return absl::InvalidArgumentError(absl::StrCat("added_tokens: ", Shown(text), " is token ", known->second,
                                                     " in model.vocab and cannot have another id (", id, ")"));
    }
    text_of_id_[id] = text;
    return absl::OkStatus();
  }

  bool Has(int32_t id) const {
    return static_cast<size_t>(id) < text_of_id_.size() && text_of_id_[id].data() != nullptr;
  }

 private:
  std::vector<std::string_view> text_of_id_;
  std::unordered_map<std::string_view, int32_t> id_of_text_;
  std::unordered_set<std::string_view> added_texts_;
};

absl::Status CheckTemplate(const TemplateIds& template_ids, const Registry& registry) {
  for (const auto* ids : {&template_ids.leading, &template_ids.trailing}) {
    for (const int32_t id : *ids) {
      if (!registry.Has(id)) {
        return absl::InvalidArgumentError(absl::StrCat("post_processor: special token has an unknown id (", id, ")"));
      }
    }
  }
  return absl::OkStatus();
}

// The tokens that are looked for in normalized text, as they look there.
absl::Status NormalizeContents(std::vector<AddedToken>* tokens) {
  std::unordered_set<std::string> contents;
  for (AddedToken& token : *tokens) {
    std::string storage;
    COHORT_ASSIGN_OR_RETURN(const std::string_view normalized, ToNfc(token.content, &storage));
    token.content = std::string(normalized);
    if (!contents.insert(token.content).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("added_tokens: text of id ", token.id, " is given twice once it is normalized"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenCollection> CollectTokens(const TokenizerDescription& description) {
  COHORT_ASSIGN_OR_RETURN(const size_t num_ids, CountIds(description));
  Registry registry(num_ids);
  TokenCollection collection{TokenTexts(num_ids), {}, {}};
  for (const auto& [token, id] : description.vocabulary) {
    COHORT_RETURN_IF_ERROR(registry.AddVocabulary(token, id));
    collection.texts.Set(id, BytesOf(token), /*is_special=*/false);
  }
  std::unordered_set<std::string_view> special_texts;
  for (const AddedToken& added : description.added_tokens) {
    COHORT_RETURN_IF_ERROR(registry.AddAdded(added.content, added.id));
    if (added.special) special_texts.insert(added.content);
    (added.normalized ? collection.normalized_tokens : collection.raw_tokens).push_back(added);
  }
  COHORT_RETURN_IF_ERROR(CheckTemplate(description.template_ids, registry));
  if (description.normalizes_nfc) COHORT_RETURN_IF_ERROR(NormalizeContents(&collection.normalized_tokens));
  // As `tokenizers` does, a token is special by the text that it is decoded to.
  for (const auto* tokens : {&collection.raw_tokens, &collection.normalized_tokens}) {
    for (const AddedToken& added : *tokens) {
      collection.texts.Set(added.id, BytesOf(added.content), special_texts.count(added.content) > 0);
    }
  }
  return collection;
}

}  // namespace cohort::model
