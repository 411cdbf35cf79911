// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/tokenizer_description.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/strict_json.h"
#include "model/tokenizer/pre_tokenizer.h"

namespace cohort::model {
namespace {

using nlohmann::json;

constexpr int64_t kMaxTokenId = (int64_t{1} << 28) - 1;

// "type" of a component; empty when it has none.
std::string TypeOf(const json& component) {
  const auto type = component.is_object() ? component.find("type") : component.end();
  return component.is_object() && type != component.end() && type->is_string() ? type->get<std::string>() : "";
}

absl::Status RefuseComponent(const JsonFields& fields, const std::string& key, const std::string& type) {
  return absl::UnimplementedError(absl::StrCat(std::string(fields.file()), ": ", key, ": component is not supported (",
                                               type.empty() ? "no type" : common::Printable(type, /*max_bytes=*/60),
                                               ")"));
}

// Options that must keep the value which turns them off.
absl::Status RequireOff(const JsonFields& fields, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const json* value = fields.Find(key);
    if (value == nullptr || *value == false || *value == "") continue;
    return fields.Unsupported(key, "option is not supported");
  }
  return absl::OkStatus();
}

absl::Status ReadByteLevel(const json& component, std::string_view file, TokenizerDescription* description) {
  const JsonFields fields(component, file);
  COHORT_RETURN_IF_ERROR(RequireOff(fields, {"add_prefix_space"}));
  COHORT_ASSIGN_OR_RETURN(const bool use_regex, fields.BoolOr("use_regex", true));
  if (!use_regex) return absl::OkStatus();
  if (!description->split_pattern.empty()) {
    return fields.Unsupported("use_regex", "a second split is not supported");
  }
  description->split_pattern = kGpt2SplitPattern;
  return absl::OkStatus();
}

absl::Status ReadSplit(const json& component, std::string_view file, TokenizerDescription* description) {
  const JsonFields fields(component, file);
  COHORT_RETURN_IF_ERROR(RequireOff(fields, {"invert"}));
  const json* behavior = fields.Find("behavior");
  if (behavior == nullptr || *behavior != "Isolated")
    return fields.Unsupported("behavior", "only Isolated is supported");
  const json* pattern = fields.Find("pattern");
  if (pattern == nullptr || !pattern->is_object() || pattern->size() != 1 || !pattern->contains("Regex") ||
      !(*pattern)["Regex"].is_string() || (*pattern)["Regex"].get<std::string>().empty()) {
    return fields.Unsupported("pattern", "only a Regex is supported");
  }
  description->split_pattern = (*pattern)["Regex"].get<std::string>();
  return absl::OkStatus();
}

// ByteLevel, or Sequence[Split, ByteLevel].
absl::Status ReadPreTokenizer(const JsonFields& root, TokenizerDescription* description) {
  const json* component = root.Find("pre_tokenizer");
  const std::string type = component == nullptr ? "null" : TypeOf(*component);
  if (type == "ByteLevel") return ReadByteLevel(*component, root.file(), description);
  if (type != "Sequence") return RefuseComponent(root, "pre_tokenizer", type);
  const auto parts = component->find("pretokenizers");
  if (parts == component->end() || !parts->is_array() || parts->size() != 2) {
    return root.Unsupported("pre_tokenizer", "only a sequence of Split and ByteLevel is supported");
  }
  if (TypeOf((*parts)[0]) != "Split") return RefuseComponent(root, "pre_tokenizer", TypeOf((*parts)[0]));
  if (TypeOf((*parts)[1]) != "ByteLevel") return RefuseComponent(root, "pre_tokenizer", TypeOf((*parts)[1]));
  COHORT_RETURN_IF_ERROR(ReadSplit((*parts)[0], root.file(), description));
  return ReadByteLevel((*parts)[1], root.file(), description);
}

absl::Status CheckOtherComponents(const JsonFields& root) {
  for (const char* key : {"normalizer", "truncation", "padding"}) {
    const json* component = root.Find(key);
    if (component != nullptr) return RefuseComponent(root, key, TypeOf(*component));
  }
  const json* post = root.Find("post_processor");
  if (post != nullptr && TypeOf(*post) != "ByteLevel") return RefuseComponent(root, "post_processor", TypeOf(*post));
  const json* decoder = root.Find("decoder");
  const std::string decoder_type = decoder == nullptr ? "null" : TypeOf(*decoder);
  return decoder_type == "ByteLevel" ? absl::OkStatus() : RefuseComponent(root, "decoder", decoder_type);
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
  std::string type = component == nullptr ? "null" : TypeOf(*component);
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
    COHORT_RETURN_IF_ERROR(RequireOff(fields, {"single_word", "lstrip", "rstrip"}));
    COHORT_ASSIGN_OR_RETURN(token.special, fields.BoolOr("special", false));
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
  COHORT_RETURN_IF_ERROR(CheckOtherComponents(root));
  COHORT_RETURN_IF_ERROR(ReadPreTokenizer(root, &description));
  COHORT_RETURN_IF_ERROR(ReadModel(root, &description));
  COHORT_RETURN_IF_ERROR(ReadAddedTokens(root, &description));
  return description;
}

}  // namespace cohort::model
