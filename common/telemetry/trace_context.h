// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_TRACE_CONTEXT_H_
#define COHORT_COMMON_TELEMETRY_TRACE_CONTEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace grpc {
class ClientContext;
}

namespace cohort::common {

// Trace context as of W3C and OpenTelemetry. Ids are functions of names: every process comes to the same ones, and none
// has to be stored or sent for records of several processes to be joined.

// Of what has this place in a collection: TraceIdOf("namespaces/a/jobs/b", "groups", 7). 32 lower-case hex digits.
std::string TraceIdOf(std::string_view parent, std::string_view collection, int64_t number);
// Of a part of a trace. 16 lower-case hex digits.
std::string SpanIdOf(std::string_view trace_id, std::string_view name);
// The value of the header: version 00, sampled.
std::string TraceParent(std::string_view trace_id, std::string_view span_id);

// Sends `traceparent` with a call that is about one thing, for proxies and whatever else logs calls.
void SendTraceParent(std::string_view trace_id, std::string_view call, grpc::ClientContext* context);

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_TRACE_CONTEXT_H_
