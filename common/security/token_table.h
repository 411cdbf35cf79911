// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_TOKEN_TABLE_H_
#define COHORT_COMMON_SECURITY_TOKEN_TABLE_H_

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/security/reloaded_file.h"
#include "common/security/token_file.h"

namespace cohort::security {

// Who has which token, by a file (token_file.h) that may change while the process runs (reloaded_file.h). Thread-safe.
class TokenTable final {
 public:
  // `clock` must outlive it. Errors name the file and its line.
  static absl::StatusOr<std::unique_ptr<TokenTable>> Open(std::string_view path, common::Clock* clock);

  // Nothing for a token that is not in the file. Takes the same time wherever the token is in the file, and if it is
  // not.
  std::optional<Caller> Find(std::string_view token);

 private:
  using Entries = std::vector<TokenEntry>;
  explicit TokenTable(std::unique_ptr<ReloadedFile<Entries>> file) : file_(std::move(file)) {}

  const std::unique_ptr<ReloadedFile<Entries>> file_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_TOKEN_TABLE_H_
