// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_CALL_AUTHORIZER_H_
#define COHORT_COMMON_SECURITY_CALL_AUTHORIZER_H_

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/security/caller.h"
#include "common/security/token_table.h"

namespace cohort::security {

// Decides on every call of a server before its handler runs: UNAUTHENTICATED without the bearer token of anybody in the
// table, PERMISSION_DENIED when its role may not call the method (method_table.h). Says so in the log, at most once a
// second, never with the token. gRPC 1.51 sends code and text of such a refusal and drops the details; so a service may
// be left to refuse known callers itself. Thread-safe; the clock must outlive it.
class CallAuthorizer final : public grpc::AuthMetadataProcessor {
 public:
  // Methods of `admitting_service` ("cohort.v1.JobService"; empty: none) are open to every token here: their handlers
  // must call Admit.
  CallAuthorizer(std::unique_ptr<TokenTable> tokens, common::Clock* clock, std::string_view admitting_service);

  // Who makes a call that a handler has in hand. UNAUTHENTICATED when the token was withdrawn since the call began.
  absl::StatusOr<Caller> CallerOf(const grpc::ServerContext& context) const;
  // The same, and PERMISSION_DENIED when the caller's role may not call `method` ("/package.Service/Method").
  absl::StatusOr<Caller> Admit(const grpc::ServerContext& context, const std::string& method);

  // For gRPC. It works inline: a look into memory, now and then at the file.
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata* consumed,
                       OutputMetadata* response) override;

 private:
  void LogRefusal(const std::string& method, const absl::Status& reason);
  bool IsLeftToService(const std::string& method) const;

  const std::unique_ptr<TokenTable> tokens_;
  common::Clock* const clock_;
  const std::string admitting_prefix_;  // "/cohort.v1.JobService/"; empty: none
  absl::Mutex mutex_;
  absl::Duration next_log_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  int64_t num_unlogged_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_CALL_AUTHORIZER_H_
