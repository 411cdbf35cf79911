// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/tokenizer_description.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/strict_json.h"
#include "model/tokenizer/component_fields.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// NFC, or a Sequence of nothing else: some files have an empty one.
absl::Status ReadNormalizer(const JsonFields& root, TokenizerDescription* description) {
  const json* component = root.Find("normalizer");
  const std::string type = ComponentType(component);
  if (type == "null") return absl::OkStatus();
  if (type == "NFC") {
    description->normalizes_nfc = true;
    return absl::OkStatus();
  }
  if (type != "Sequence") return RefuseComponent(root, "normalizer", type);
  const auto parts = component->find("normalizers");
  if (parts == component->end() || !parts->is_array()) return root.Invalid("normalizer", "has no normalizers");
  for (const json& part : *parts) {
    if (ComponentType(&part) != "NFC") return RefuseComponent(root, "normalizer", ComponentType(&part));
    description->normalizes_nfc = true;
  }
  return absl::OkStatus();
}

absl::Status ReadOtherComponents(const JsonFields& root, TokenizerDescription* description) {
  for (const char* key : {"truncation", "padding"}) {
    const json* component = root.Find(key);
    if (component != nullptr) return RefuseComponent(root, key, ComponentType(component));
  }
  COHORT_RETURN_IF_ERROR(ReadNormalizer(root, description));
  const std::string decoder = ComponentType(root.Find("decoder"));
  return decoder == "ByteLevel" ? absl::OkStatus() : RefuseComponent(root, "decoder", decoder);
}

absl::Status ReadVocabulary(const JsonFields& model, TokenizerDescription* description) {
  const json* vocabulary = model.Find("vocab");
  if (vocabulary == nullptr || !vocabulary->is_object() || vocabulary->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(model.file()), ": model.vocab: missing, empty or not an object"));
  }
  const JsonFields ids(*vocabulary, model.file());
  description->vocabulary.reserve(vocabulary->size());
  for (const auto& [token, id] : vocabulary->items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > static_cast<uint64_t>(kMaxTokenId)) {
      return ids.Invalid(token, "token id in model.vocab must be a small non-negative integer");
    }
    description->vocabulary.emplace_back(token, id.get<int32_t>());
  }
  return absl::OkStatus();
}

// "left right" in older files, ["left", "right"] in newer.
absl::Status ReadMerges(const JsonFields& model, TokenizerDescription* description) {
  const json* merges = model.Find("merges");
  if (merges == nullptr || !merges->is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(model.file()), ": model.merges: missing or not an array"));
  }
  description->merges.reserve(merges->size());
  for (const json& merge : *merges) {
    std::string left, right;
    if (merge.is_string()) {
      const auto text = merge.get<std::string>();
      const size_t space = text.find(' ');
      if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
        left = text.substr(0, space);
        right = text.substr(space + 1);
      }
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    }
    if (left.empty() || right.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(std::string(model.file()), ": model.merges: entry ",
                                                     description->merges.size(), " is not a pair of tokens"));
    }
    description->merges.emplace_back(std::move(left), std::move(right));
  }
  return absl::OkStatus();
}

absl::Status ReadModel(const JsonFields& root, TokenizerDescription* description) {
  const json* component = root.Find("model");
  // Files older than the "type" key are BPE if they have merges.
  std::string type = ComponentType(component);
  if (type.empty() && component->is_object() && component->contains("merges")) type = "BPE";
  if (type != "BPE") return RefuseComponent(root, "model", type);
  const JsonFields model(*component, root.file());
  COHORT_RETURN_IF_ERROR(RequireOff(
      model, {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "fuse_unk"}));
  COHORT_ASSIGN_OR_RETURN(description->ignore_merges, model.BoolOr("ignore_merges", false));
  COHORT_RETURN_IF_ERROR(ReadVocabulary(model, description));
  return ReadMerges(model, description);
}

absl::Status ReadAddedTokens(const JsonFields& root, TokenizerDescription* description) {
  const json* tokens = root.Find("added_tokens");
  if (tokens == nullptr) return absl::OkStatus();
  if (!tokens->is_array()) return root.Invalid("added_tokens", "must be an array");
  for (const json& entry : *tokens) {
    if (!entry.is_object()) return root.Invalid("added_tokens", "must be an array of objects");
    const JsonFields fields(entry, root.file());
    AddedToken token;
    COHORT_ASSIGN_OR_RETURN(const int64_t id, fields.Integer("id", 0, kMaxTokenId));
    token.id = static_cast<int32_t>(id);
    COHORT_ASSIGN_OR_RETURN(token.content, fields.StringOr("content", ""));
    if (token.content.empty()) return fields.Invalid("content", absl::StrCat("added token ", id, " has no text"));
    COHORT_ASSIGN_OR_RETURN(token.special, fields.BoolOr("special", false));
    COHORT_ASSIGN_OR_RETURN(token.single_word, fields.BoolOr("single_word", false));
    COHORT_ASSIGN_OR_RETURN(token.lstrip, fields.BoolOr("lstrip", false));
    COHORT_ASSIGN_OR_RETURN(token.rstrip, fields.BoolOr("rstrip", false));
    COHORT_ASSIGN_OR_RETURN(token.normalized, fields.BoolOr("normalized", !token.special));
    description->added_tokens.push_back(std::move(token));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerDescription> ParseTokenizerDescription(std::string_view text, std::string_view file) {
  COHORT_ASSIGN_OR_RETURN(const json document, ParseJsonObject(text, file));
  const JsonFields root(document, file);
  TokenizerDescription description;
  COHORT_RETURN_IF_ERROR(ReadOtherComponents(root, &description));
  COHORT_ASSIGN_OR_RETURN(description.pre_tokenization, ReadPreTokenization(root));
  COHORT_ASSIGN_OR_RETURN(description.template_ids, ReadTemplateIds(root));
  COHORT_RETURN_IF_ERROR(ReadModel(root, &description));
  COHORT_RETURN_IF_ERROR(ReadAddedTokens(root, &description));
  return description;
}

}  // namespace cohort::model
