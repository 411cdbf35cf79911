// SPDX-License-Identifier: Apache-2.0
#include "objective/input_sequence.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::objective {
namespace {

using nlohmann::json;

absl::Status FieldError(const std::string& field, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

absl::Status TakeNumber(const json& value, const std::string& field, std::optional<double>* number) {
  if (!value.is_number()) return FieldError(field, "must be a number");
  *number = value.get<double>();
  return absl::OkStatus();
}

absl::Status TakeNumbers(const json& value, const std::string& field, std::vector<double>* numbers) {
  if (!value.is_array()) return FieldError(field, "must be a list of numbers");
  for (const json& entry : value) {
    if (!entry.is_number()) return FieldError(field, absl::StrCat("entry ", numbers->size(), " is no number"));
    numbers->push_back(entry.get<double>());
  }
  return absl::OkStatus();
}

absl::Status TakeOptionalNumbers(const json& value, const std::string& field,
                                 std::optional<std::vector<double>>* numbers) {
  numbers->emplace();
  return TakeNumbers(value, field, &**numbers);
}

absl::Status TakeMask(const json& value, std::vector<uint8_t>* mask) {
  if (!value.is_array()) return FieldError("mask", "must be a list of 0 and 1");
  for (const json& entry : value) {
    if (entry != 0 && entry != 1)
      return FieldError("mask", absl::StrCat("entry ", mask->size(), " is neither 0 nor 1"));
    mask->push_back(entry == 1);
  }
  return absl::OkStatus();
}

absl::Status TakeTexts(const json& value, std::vector<std::string>* texts) {
  if (!value.is_array()) return FieldError("token_texts", "must be a list of strings");
  for (const json& entry : value) {
    if (!entry.is_string()) return FieldError("token_texts", absl::StrCat("entry ", texts->size(), " is no string"));
    texts->push_back(entry.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status TakeIds(const json& value, std::vector<int64_t>* ids) {
  if (!value.is_array()) return FieldError("segment_ids", "must be a list of numbers from 0 and null");
  for (const json& entry : value) {
    if (!entry.is_null() && !(entry.is_number_integer() && entry.get<int64_t>() >= 0)) {
      return FieldError("segment_ids", absl::StrCat("entry ", ids->size(), " is neither a number from 0 nor null"));
    }
    ids->push_back(entry.is_null() ? -1 : entry.get<int64_t>());
  }
  return absl::OkStatus();
}

// "advantages" is one number for all tokens or one per token.
absl::Status TakeAdvantages(const json& value, InputSequence* sequence) {
  if (value.is_number()) return TakeNumber(value, "advantages", &sequence->advantage);
  sequence->advantage = 0;
  return TakeNumbers(value, "advantages", &sequence->token_advantages);
}

absl::Status TakeField(const std::string& field, const json& value, InputSequence* sequence) {
  if (field == "group") {
    if (!value.is_string() && !value.is_number_integer()) return FieldError(field, "must be a string or an integer");
    sequence->group = value.is_string() ? value.get<std::string>() : value.dump();
    return absl::OkStatus();
  }
  if (field == "truncated") {
    if (!value.is_boolean()) return FieldError(field, "must be true or false");
    sequence->is_truncated = value.get<bool>();
    return absl::OkStatus();
  }
  if (field == "policy_logprobs") return TakeNumbers(value, field, &sequence->policy_logprobs);
  if (field == "proximal_logprobs") return TakeNumbers(value, field, &sequence->proximal_logprobs);
  if (field == "reference_logprobs") return TakeNumbers(value, field, &sequence->reference_logprobs);
  if (field == "behavior_logprobs") return TakeNumbers(value, field, &sequence->behavior_logprobs);
  if (field == "entropies") return TakeNumbers(value, field, &sequence->entropies);
  if (field == "mask") return TakeMask(value, &sequence->mask);
  if (field == "token_texts") return TakeTexts(value, &sequence->token_texts);
  if (field == "segment_ids") return TakeIds(value, &sequence->segment_ids);
  if (field == "reward") return TakeNumber(value, field, &sequence->reward);
  if (field == "item_rewards") return TakeOptionalNumbers(value, field, &sequence->item_rewards);
  if (field == "verifier_scores") return TakeOptionalNumbers(value, field, &sequence->verifier_scores);
  if (field == "advantages") return TakeAdvantages(value, sequence);
  return FieldError(field, "is not a field of a sequence");
}

absl::Status CheckLength(const char* field, size_t length, size_t num_tokens) {
  if (length == 0 || length == num_tokens) return absl::OkStatus();
  return FieldError(field, absl::StrCat("has ", length, " entries for ", num_tokens, " policy_logprobs"));
}

absl::Status CheckSequence(const InputSequence& sequence) {
  const size_t num_tokens = sequence.policy_logprobs.size();
  COHORT_RETURN_IF_ERROR(CheckLength("proximal_logprobs", sequence.proximal_logprobs.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("reference_logprobs", sequence.reference_logprobs.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("behavior_logprobs", sequence.behavior_logprobs.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("entropies", sequence.entropies.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("mask", sequence.mask.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("token_texts", sequence.token_texts.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("segment_ids", sequence.segment_ids.size(), num_tokens));
  COHORT_RETURN_IF_ERROR(CheckLength("advantages", sequence.token_advantages.size(), num_tokens));
  const int num_credits = (sequence.reward ? 1 : 0) + (sequence.item_rewards ? 1 : 0) +
                          (sequence.verifier_scores ? 1 : 0) + (sequence.advantage ? 1 : 0);
  if (num_credits > 1) {
    return FieldError("reward", "give one of reward, item_rewards, verifier_scores and advantages");
  }
  if (!sequence.token_texts.empty() && !sequence.segment_ids.empty()) {
    return FieldError("segment_ids", "give them or token_texts, not both");
  }
  return absl::OkStatus();
}

absl::StatusOr<InputSequence> Parse(std::string_view text) {
  const json value = json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || !value.is_object()) return absl::InvalidArgumentError("no JSON object");
  InputSequence sequence;
  for (const auto& [field, entry] : value.items()) COHORT_RETURN_IF_ERROR(TakeField(field, entry, &sequence));
  if (!value.contains("policy_logprobs")) return FieldError("policy_logprobs", "missing");
  COHORT_RETURN_IF_ERROR(CheckSequence(sequence));
  return sequence;
}

}  // namespace

absl::StatusOr<InputSequence> ParseInputLine(std::string_view text, int64_t line) {
  absl::StatusOr<InputSequence> sequence = Parse(text);
  if (!sequence.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", std::string(sequence.status().message())));
  }
  sequence->line = line;
  return sequence;
}

}  // namespace cohort::objective
