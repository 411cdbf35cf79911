// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/pre_tokenization.h"

#include "common/status_macros.h"
#include "model/tokenizer/component_fields.h"
#include "model/tokenizer/split_scanner.h"

namespace cohort::model {
namespace {

using nlohmann::json;

// A pattern is compiled per Split.
constexpr size_t kMaxSplits = 16;

absl::Status ReadByteLevel(const JsonFields& fields, PreTokenization* pre_tokenization) {
  COHORT_ASSIGN_OR_RETURN(pre_tokenization->add_prefix_space, fields.BoolOr("add_prefix_space", false));
  COHORT_ASSIGN_OR_RETURN(const bool use_regex, fields.BoolOr("use_regex", true));
  if (use_regex) pre_tokenization->split_patterns.push_back(kGpt2SplitPattern);
  return absl::OkStatus();
}

// ByteLevel behind Splits: it would work on their pieces, which no known model asks for.
absl::Status CheckLastByteLevel(const JsonFields& fields) {
  COHORT_RETURN_IF_ERROR(RequireOff(fields, {"add_prefix_space"}));
  COHORT_ASSIGN_OR_RETURN(const bool use_regex, fields.BoolOr("use_regex", true));
  return use_regex ? fields.Unsupported("use_regex", "is not supported behind a Split") : absl::OkStatus();
}

absl::Status ReadSplit(const JsonFields& fields, PreTokenization* pre_tokenization) {
  COHORT_RETURN_IF_ERROR(RequireOff(fields, {"invert"}));
  const json* behavior = fields.Find("behavior");
  if (behavior == nullptr || *behavior != "Isolated") {
    return fields.Unsupported("behavior", "only Isolated is supported");
  }
  const json* pattern = fields.Find("pattern");
  if (pattern == nullptr || !pattern->is_object() || pattern->size() != 1 || !pattern->contains("Regex") ||
      !(*pattern)["Regex"].is_string() || (*pattern)["Regex"].get<std::string>().empty()) {
    return fields.Unsupported("pattern", "only a Regex is supported");
  }
  pre_tokenization->split_patterns.push_back((*pattern)["Regex"].get<std::string>());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PreTokenization> ReadPreTokenization(const JsonFields& root) {
  PreTokenization pre_tokenization;
  const json* component = root.Find("pre_tokenizer");
  const std::string type = ComponentType(component);
  if (type == "ByteLevel") {
    COHORT_RETURN_IF_ERROR(ReadByteLevel(JsonFields(*component, root.file()), &pre_tokenization));
    return pre_tokenization;
  }
  if (type != "Sequence") return RefuseComponent(root, "pre_tokenizer", type);
  const auto parts = component->find("pretokenizers");
  if (parts == component->end() || !parts->is_array() || parts->empty() || parts->size() > kMaxSplits + 1) {
    return root.Unsupported("pre_tokenizer", "only a sequence of Splits that ends in ByteLevel is supported");
  }
  for (size_t i = 0; i < parts->size(); ++i) {
    const json& part = (*parts)[i];
    const bool is_last = i + 1 == parts->size();
    if (ComponentType(&part) != (is_last ? "ByteLevel" : "Split")) {
      return RefuseComponent(root, "pre_tokenizer", ComponentType(&part));
    }
    const JsonFields fields(part, root.file());
    if (parts->size() == 1) {
      COHORT_RETURN_IF_ERROR(ReadByteLevel(fields, &pre_tokenization));
    } else {
      COHORT_RETURN_IF_ERROR(is_last ? CheckLastByteLevel(fields) : ReadSplit(fields, &pre_tokenization));
    }
  }
  return pre_tokenization;
}

}  // namespace cohort::model
