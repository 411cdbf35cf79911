// SPDX-License-Identifier: Apache-2.0
#include "common/security/token_table.h"

#include <string>

#include "common/security/constant_time.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::security {

absl::StatusOr<std::unique_ptr<TokenTable>> TokenTable::Open(std::string_view path, common::Clock* clock) {
  COHORT_ASSIGN_OR_RETURN(auto file, ReloadedFile<Entries>::Open(path, ParseTokenFile, clock));
  return std::unique_ptr<TokenTable>(new TokenTable(std::move(file)));
}

std::optional<Caller> TokenTable::Find(std::string_view token) {
  const std::string sha256 = common::Sha256Of(token);
  const std::shared_ptr<const Entries> entries = file_->Current();
  const TokenEntry* found = nullptr;
  // To the end, also after the entry was found.
  for (const TokenEntry& entry : *entries) {
    if (EqualInConstantTime(entry.sha256, sha256)) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  return found->caller;
}

}  // namespace cohort::security
