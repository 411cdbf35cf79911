// SPDX-License-Identifier: Apache-2.0
#include "common/security/bearer_token.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/security/reloaded_file.h"
#include "common/security/token_text.h"
#include "common/status_macros.h"

namespace cohort::security {
namespace {

absl::StatusOr<std::string> ParseToken(std::string_view content) {
  const std::string token(absl::StripAsciiWhitespace(absl::string_view(content.data(), content.size())));
  COHORT_RETURN_IF_ERROR(CheckTokenText(token));
  return token;
}

class BearerTokenPlugin final : public grpc::MetadataCredentialsPlugin {
 public:
  explicit BearerTokenPlugin(std::unique_ptr<ReloadedFile<std::string>> file) : file_(std::move(file)) {}

  bool IsBlocking() const override { return false; }
  const char* GetType() const override { return "cohort_bearer_token"; }
  grpc::Status GetMetadata(grpc::string_ref /*service_url*/, grpc::string_ref /*method_name*/,
                           const grpc::AuthContext& /*context*/,
                           std::multimap<grpc::string, grpc::string>* metadata) override {
    metadata->emplace("authorization", absl::StrCat("Bearer ", *file_->Current()));
    return grpc::Status::OK;
  }
  // Without the token.
  grpc::string DebugString() override { return GetType(); }

 private:
  const std::unique_ptr<ReloadedFile<std::string>> file_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::CallCredentials>> BearerTokenCredentials(std::string_view path,
                                                                              bool needs_encryption,
                                                                              common::Clock* clock) {
  COHORT_ASSIGN_OR_RETURN(auto file, ReloadedFile<std::string>::Open(path, ParseToken, clock));
  return grpc::experimental::MetadataCredentialsFromPlugin(
      std::make_unique<BearerTokenPlugin>(std::move(file)),
      needs_encryption ? GRPC_PRIVACY_AND_INTEGRITY : GRPC_SECURITY_NONE);
}

}  // namespace cohort::security
