// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_TELEMETRY_SERVER_H_
#define COHORT_COMMON_TELEMETRY_TELEMETRY_SERVER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/telemetry/health.h"

namespace prometheus {
class Registry;
}

namespace cohort::common {

// HTTP on one port: /metrics (Prometheus text), /healthz (200 while the process lives), /readyz (200 or 503 and the
// reason). Adds process_* and cohort_build_info to the registry's output. What a client can hold is bounded
// (bounded_http_server.h). Thread-safe; the destructor stops it.
class TelemetryServer {
 public:
  // `address` is host:port; port 0 picks a free one. `registry` and `health` must outlive the server. `component`
  // labels cohort_build_info. UNAVAILABLE with the address when the port is in use.
  static absl::StatusOr<std::unique_ptr<TelemetryServer>> Create(std::string_view address, std::string_view component,
                                                                 prometheus::Registry* registry, const Health* health);
  virtual ~TelemetryServer() = default;
  // host:port that it listens on.
  virtual std::string Address() const = 0;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_TELEMETRY_SERVER_H_
