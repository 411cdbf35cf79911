// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "common/connect_error.h"
#include "common/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cohort::common {
namespace {

// gRPC refuses a call whose trailing metadata exceeds 8 KiB, and percent-encodes the message: keep well below.
constexpr size_t kMaxMessageBytes = 1536;
constexpr size_t kMaxDetailBytes = 2048;

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string_view text(status.message().data(), status.message().size());
  const bool fits = text.size() <= kMaxMessageBytes && IsValidUtf8(text);
  const std::string message = fits ? std::string(text) : Printable(text, kMaxMessageBytes);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::rpc::ErrorInfo error_info;
  error_info.set_reason(absl::StatusCodeToString(status.code()));
  error_info.set_domain("cohort");
  details.add_details()->PackFrom(error_info);
  size_t num_bytes = 0;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    if (num_bytes + payload.size() > kMaxDetailBytes) return;
    num_bytes += payload.size();
    auto* detail = details.add_details();
    detail->set_type_url(std::string(url));
    detail->set_value(std::string(payload));
  });
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const bool may_be_connecting = code == absl::StatusCode::kUnavailable;
  absl::Status result(code, may_be_connecting ? ExplainConnectError(status.error_message()) : status.error_message());
  google::rpc::Status details;
  if (result.ok() || !details.ParseFromString(status.error_details())) return result;
  for (const auto& detail : details.details()) {
    // ErrorInfo says nothing that the code doesn't.
    if (!detail.Is<google::rpc::ErrorInfo>()) result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

}  // namespace cohort::common
