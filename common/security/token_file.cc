// SPDX-License-Identifier: Apache-2.0
#include "common/security/token_file.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/security/token_text.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::security {
namespace {

constexpr size_t kMaxTokens = 1000;
constexpr size_t kMaxNamespaceBytes = 63;
// Of the digest.
constexpr size_t kIdentityBytes = 8;

std::optional<Role> RoleOf(std::string_view name) {
  if (name == "viewer") return Role::kViewer;
  if (name == "submitter") return Role::kSubmitter;
  if (name == "worker") return Role::kWorker;
  if (name == "admin") return Role::kAdmin;
  return std::nullopt;
}

// As in resource names: ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$.
bool IsNamespace(std::string_view text) {
  if (text.empty() || text.size() > kMaxNamespaceBytes || !absl::ascii_islower(text.front()) || text.back() == '-') {
    return false;
  }
  for (const char c : text) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
  }
  return true;
}

absl::StatusOr<Caller> ParseCaller(const std::vector<std::string>& words) {
  if (words.size() < 2) return absl::InvalidArgumentError("needs a token and a role");
  const std::optional<Role> role = RoleOf(words[1]);
  // The text is not shown: the columns may be the wrong way round.
  if (!role.has_value()) return absl::InvalidArgumentError("role: must be viewer, submitter, worker or admin");
  Caller caller{.role = *role};
  if (*role == Role::kWorker || *role == Role::kAdmin) {
    if (words.size() == 2) return caller;
    return absl::InvalidArgumentError(absl::StrCat("namespaces: a token of role ", words[1], " has none"));
  }
  if (words.size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("namespaces: a token of role ", words[1], " needs them, separated by commas, or *"));
  }
  if (words[2] == "*") return caller;
  caller.sees_all = false;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(words[2], ','))) {
    if (!IsNamespace(name)) {
      return absl::InvalidArgumentError("namespaces: must match ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$ each, or be *");
    }
    caller.namespaces.insert(name);
  }
  return caller;
}

absl::StatusOr<TokenEntry> ParseLine(const std::vector<std::string>& words) {
  COHORT_ASSIGN_OR_RETURN(Caller caller, ParseCaller(words));
  COHORT_RETURN_IF_ERROR(CheckTokenText(words[0]));
  TokenEntry entry{.sha256 = common::Sha256Of(words[0]), .caller = std::move(caller)};
  entry.caller.identity = common::HexOf(entry.sha256.substr(0, kIdentityBytes));
  return entry;
}

}  // namespace

absl::StatusOr<std::vector<TokenEntry>> ParseTokenFile(std::string_view content) {
  std::vector<TokenEntry> entries;
  std::set<std::string> digests;
  int line = 0;
  const std::vector<std::string> lines = absl::StrSplit(absl::string_view(content.data(), content.size()), '\n');
  for (const std::string& text : lines) {
    ++line;
    const std::vector<std::string> words =
        absl::StrSplit(text.substr(0, text.find('#')), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty()) continue;
    auto entry = ParseLine(words);
    if (!entry.ok()) return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", entry.status().message()));
    if (!digests.insert(entry->sha256).second) {
      return absl::InvalidArgumentError(absl::StrCat("line ", line, ": token: is in the file twice"));
    }
    entries.push_back(*std::move(entry));
  }
  if (entries.empty()) return absl::InvalidArgumentError("there is no token in it");
  if (entries.size() > kMaxTokens) {
    return absl::InvalidArgumentError(absl::StrCat("must have at most 1000 tokens (", entries.size(), ")"));
  }
  return entries;
}

}  // namespace cohort::security
