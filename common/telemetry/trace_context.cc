// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/trace_context.h"

#include <grpcpp/client_context.h>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"

namespace cohort::common {
namespace {

constexpr size_t kTraceIdBytes = 16;
constexpr size_t kSpanIdBytes = 8;

}  // namespace

std::string TraceIdOf(std::string_view parent, std::string_view collection, int64_t number) {
  const std::string name = absl::StrCat(std::string(parent), "/", std::string(collection), "/", number);
  return HexOf(Sha256Of(name).substr(0, kTraceIdBytes));
}

std::string SpanIdOf(std::string_view trace_id, std::string_view name) {
  return HexOf(Sha256Of(absl::StrCat(std::string(trace_id), "/", std::string(name))).substr(0, kSpanIdBytes));
}

std::string TraceParent(std::string_view trace_id, std::string_view span_id) {
  return absl::StrCat("00-", std::string(trace_id), "-", std::string(span_id), "-01");
}

void SendTraceParent(std::string_view trace_id, std::string_view call, grpc::ClientContext* context) {
  context->AddMetadata("traceparent", TraceParent(trace_id, SpanIdOf(trace_id, call)));
}

}  // namespace cohort::common
