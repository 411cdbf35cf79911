// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/regex_splitter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/tokenizer/oniguruma_pattern.h"

namespace cohort::model {
namespace {

// What a match may cost; PCRE2's own limit of memory is 20 GB. A run of spaces costs a step a space.
constexpr uint32_t kMatchSteps = 10'000'000;
constexpr uint32_t kMatchKilobytes = 256 * 1024;
constexpr size_t kFirstStackBytes = 32 * 1024;
constexpr size_t kMaxStackBytes = 1024 * 1024;
constexpr size_t kMaxPatternBytes = 64 * 1024;

std::string ErrorText(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

PCRE2_SPTR Bytes(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

// The stack that machine code runs on: one per thread, since matches on one stack must not overlap in time.
pcre2_jit_stack* ThreadStack(void* /*unused*/) {
  thread_local const std::unique_ptr<pcre2_jit_stack, decltype(&pcre2_jit_stack_free)> stack(
      pcre2_jit_stack_create(kFirstStackBytes, kMaxStackBytes, nullptr), &pcre2_jit_stack_free);
  return stack.get();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RegexSplitter>> RegexSplitter::Create(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  if (pattern.size() > kMaxPatternBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("split pattern: must have at most ", kMaxPatternBytes, " bytes (", pattern.size(), ")"));
  }
  COHORT_ASSIGN_OR_RETURN(const std::string translated, PatternForPcre2(pattern));
  // Oniguruma's ^ and $ are those of a line.
  pcre2_code* code = pcre2_compile(Bytes(translated), translated.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
                                   &error, &offset, /*ccontext=*/nullptr);
  if (code == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("split pattern does not compile: ", ErrorText(error), " at offset ",
                                                   offset, " (", common::Printable(pattern, /*max_bytes=*/200), ")"));
  }
  // Where the machine has no JIT, matching interprets: slower, same pieces.
  const bool is_machine_code = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  pcre2_match_context* limits = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(limits, kMatchSteps);
  pcre2_set_heap_limit(limits, kMatchKilobytes);
  pcre2_jit_stack_assign(limits, &ThreadStack, nullptr);
  return std::unique_ptr<RegexSplitter>(new RegexSplitter(code, limits, is_machine_code));
}

RegexSplitter::~RegexSplitter() {
  pcre2_match_context_free(static_cast<pcre2_match_context*>(limits_));
  pcre2_code_free(static_cast<pcre2_code*>(code_));
}

// The text was validated once; checking it again at every match would be quadratic.
int RegexSplitter::Match(std::string_view text, size_t at, void* match_pointer) const {
  const auto* code = static_cast<const pcre2_code*>(code_);
  auto* limits = static_cast<pcre2_match_context*>(limits_);  // only read by matching
  auto* match = static_cast<pcre2_match_data*>(match_pointer);
  if (is_machine_code_) {
    const int found = pcre2_jit_match(code, Bytes(text), text.size(), at, PCRE2_NO_UTF_CHECK, match, limits);
    if (found != PCRE2_ERROR_JIT_STACKLIMIT) return found;
  }
  return pcre2_match(code, Bytes(text), text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match, limits);
}

absl::Status RegexSplitter::Split(std::string_view text, std::vector<std::string_view>* pieces) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(static_cast<const pcre2_code*>(code_), nullptr), &pcre2_match_data_free);
  size_t piece_start = 0;
  size_t at = 0;
  while (at < text.size()) {
    const int found = Match(text, at, match.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) {
      return absl::ResourceExhaustedError(absl::StrCat("text cannot be split: ", ErrorText(found)));
    }
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
    if (range[0] > piece_start) pieces->push_back(text.substr(piece_start, range[0] - piece_start));
    piece_start = at = range[1];
    if (range[1] > range[0]) {
      pieces->push_back(text.substr(range[0], range[1] - range[0]));
    } else {  // an empty match only cuts: look on behind the next character
      at += common::LeadingUtf8Character(text.substr(at));
    }
  }
  if (piece_start < text.size()) pieces->push_back(text.substr(piece_start));
  return absl::OkStatus();
}

}  // namespace cohort::model
