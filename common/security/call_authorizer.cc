// SPDX-License-Identifier: Apache-2.0
#include "common/security/call_authorizer.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/security/method_table.h"
#include "common/telemetry/log.h"
#include "common/utf8.h"

namespace cohort::security {
namespace {

constexpr absl::Duration kLogInterval = absl::Seconds(1);
constexpr size_t kMaxLoggedBytes = 200;

std::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

// Works on what arrives and on what a handler is shown: both are multimaps of string_ref.
absl::StatusOr<Caller> Authenticate(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                                    TokenTable* tokens) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto [first, last] = metadata.equal_range("authorization");
  if (first == last) {
    return absl::UnauthenticatedError("authorization: this server asks for a token, and none came (--token_file)");
  }
  const std::string_view value = View(first->second);
  const bool is_bearer =
      value.size() > kScheme.size() && absl::EqualsIgnoreCase(absl::string_view(value.data(), kScheme.size()),
                                                              absl::string_view(kScheme.data(), kScheme.size()));
  if (std::next(first) != last || !is_bearer) {
    return absl::UnauthenticatedError("authorization: must be one \"Bearer TOKEN\"");
  }
  std::optional<Caller> caller = tokens->Find(value.substr(kScheme.size()));
  if (!caller.has_value()) return absl::UnauthenticatedError("authorization: the token is not known to this server");
  return *std::move(caller);
}

absl::Status Authorize(const absl::StatusOr<Caller>& caller, const std::string& method) {
  if (!caller.ok()) return caller.status();
  if (MayCall(caller->role, method)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("a token of role ", std::string(RoleName(caller->role)),
                                                  " may not call ", common::Printable(method, kMaxLoggedBytes)));
}

}  // namespace

CallAuthorizer::CallAuthorizer(std::unique_ptr<TokenTable> tokens, common::Clock* clock,
                               std::string_view admitting_service)
    : tokens_(std::move(tokens)),
      clock_(clock),
      admitting_prefix_(admitting_service.empty() ? "" : absl::StrCat("/", std::string(admitting_service), "/")) {}

absl::StatusOr<Caller> CallAuthorizer::CallerOf(const grpc::ServerContext& context) const {
  return Authenticate(context.client_metadata(), tokens_.get());
}

absl::StatusOr<Caller> CallAuthorizer::Admit(const grpc::ServerContext& context, const std::string& method) {
  absl::StatusOr<Caller> caller = CallerOf(context);
  const absl::Status status = Authorize(caller, method);
  if (status.ok()) return caller;
  LogRefusal(method, status);
  return status;
}

bool CallAuthorizer::IsLeftToService(const std::string& method) const {
  // A method without a row has no handler that would refuse.
  return !admitting_prefix_.empty() && absl::StartsWith(method, admitting_prefix_) && MayCall(Role::kAdmin, method);
}

grpc::Status CallAuthorizer::Process(const InputMetadata& metadata, grpc::AuthContext* /*context*/,
                                     OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) {
  const auto path = metadata.find(":path");
  const std::string method(path == metadata.end() ? std::string_view() : View(path->second));
  if (IsOpenToAll(method)) return grpc::Status::OK;
  const absl::StatusOr<Caller> caller = Authenticate(metadata, tokens_.get());
  if (caller.ok() && IsLeftToService(method)) return grpc::Status::OK;
  const absl::Status status = Authorize(caller, method);
  if (!status.ok()) LogRefusal(method, status);
  return common::ToGrpcStatus(status);
}

void CallAuthorizer::LogRefusal(const std::string& method, const absl::Status& reason) {
  int64_t num_unlogged = 0;
  {
    absl::MutexLock lock(&mutex_);
    const absl::Duration now = clock_->Monotonic();
    if (now < next_log_) {
      ++num_unlogged_;
      return;
    }
    next_log_ = now + kLogInterval;
    num_unlogged = std::exchange(num_unlogged_, 0);
  }
  log::Warning(
      "call_refused",
      {{"method", common::Printable(method, kMaxLoggedBytes)}, {"reason", reason}, {"unlogged_before", num_unlogged}});
}

}  // namespace cohort::security
