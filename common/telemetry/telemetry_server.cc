// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/telemetry_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/network_address.h"
#include "common/status_macros.h"
#include "common/telemetry/bounded_http_server.h"
#include "common/telemetry/process_metrics.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace cohort::common {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kPrometheusText[] = "text/plain; version=0.0.4; charset=utf-8";

class HttpTelemetryServer final : public TelemetryServer {
 public:
  HttpTelemetryServer(std::string_view component, prometheus::Registry* registry, const Health* health)
      : component_(component), registry_(registry), health_(health) {
    // The library's default shares a port that is in use.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) { ServeMetrics(&response); });
    server_.Get("/healthz",
                [](const httplib::Request&, httplib::Response& response) { response.set_content("ok\n", kText); });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) { ServeReady(&response); });
  }

  ~HttpTelemetryServer() override {
    server_.StopNow();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(NetworkAddress address) {
    const bool any_port = address.port == 0;
    const int port = any_port ? server_.bind_to_any_port(address.host)
                              : (server_.bind_to_port(address.host, address.port) ? address.port : -1);
    if (port <= 0) {
      return absl::UnavailableError(
          absl::StrCat("http address: cannot listen, is it in use? (", JoinAddress(address), ")"));
    }
    address.port = port;
    address_ = JoinAddress(address);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() before this would be lost
    return absl::OkStatus();
  }

  std::string Address() const override { return address_; }

 private:
  void ServeMetrics(httplib::Response* response) const {
    std::vector<prometheus::MetricFamily> families = registry_->Collect();
    std::vector<prometheus::MetricFamily> own = CollectProcessMetrics(component_);
    families.insert(families.end(), own.begin(), own.end());
    response->set_content(prometheus::TextSerializer().Serialize(families), kPrometheusText);
  }

  void ServeReady(httplib::Response* response) const {
    const std::string reason = health_->Reason();
    response->status = reason.empty() ? 200 : 503;
    response->set_content(reason.empty() ? "ready\n" : reason + "\n", kText);
  }

  const std::string component_;
  prometheus::Registry* const registry_;
  const Health* const health_;
  std::string address_;
  BoundedHttpServer server_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TelemetryServer>> TelemetryServer::Create(std::string_view address,
                                                                         std::string_view component,
                                                                         prometheus::Registry* registry,
                                                                         const Health* health) {
  COHORT_ASSIGN_OR_RETURN(NetworkAddress listen_at, ParseAddress(address));
  auto server = std::make_unique<HttpTelemetryServer>(component, registry, health);
  COHORT_RETURN_IF_ERROR(server->Listen(std::move(listen_at)));
  return server;
}

}  // namespace cohort::common
