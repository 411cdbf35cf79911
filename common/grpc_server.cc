// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/server_builder.h>

#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_library.h"
#include "common/grpc_limits.h"
#include "common/network_address.h"
#include "common/status_macros.h"
#include "common/telemetry/rpc_metrics.h"

namespace cohort::common {
namespace {

// Reflection of this server alone. Linking the library registers its plugin for every server of the process, so the
// plugin list is set here instead.
class ReflectionOption final : public grpc::ServerBuilderOption {
 public:
  explicit ReflectionOption(bool enabled) : enabled_(enabled) {}
  void UpdateArguments(grpc::ChannelArguments* /*args*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    auto plugin = std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    std::erase_if(*plugins, [&](const auto& other) { return other->name() == plugin->name(); });
    if (enabled_) plugins->push_back(std::move(plugin));
  }

 private:
  const bool enabled_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Create(std::string_view address,
                                                               const std::vector<grpc::Service*>& services,
                                                               bool enable_reflection,
                                                               std::shared_ptr<grpc::ServerCredentials> credentials,
                                                               RpcMetrics* metrics) {
  COHORT_ASSIGN_OR_RETURN(NetworkAddress listen_at, ParseAddress(address));
  PrepareGrpcLibrary();
  static std::once_flag health_once;
  std::call_once(health_once, [] { grpc::EnableDefaultHealthCheckService(true); });
  grpc::ServerBuilder builder;
  // Otherwise a second server on the same port would be accepted and get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.SetMaxReceiveMessageSize(kMaxGrpcMessageBytes);
  builder.SetMaxSendMessageSize(kMaxGrpcMessageBytes);
  builder.SetOption(std::make_unique<ReflectionOption>(enable_reflection));
  int port = 0;
  if (credentials == nullptr) credentials = grpc::InsecureServerCredentials();
  builder.AddListeningPort(JoinAddress(listen_at), std::move(credentials), &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  if (metrics != nullptr) {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(metrics->MakeInterceptors());
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat("address: cannot listen, is it in use? (", JoinAddress(listen_at), ")"));
  }
  listen_at.port = port;
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(server), JoinAddress(listen_at)));
}

GrpcServer::GrpcServer(std::unique_ptr<grpc::Server> server, std::string address)
    : server_(std::move(server)), address_(std::move(address)) {}

GrpcServer::~GrpcServer() { Shutdown(absl::ZeroDuration()); }

void GrpcServer::SetServing(bool is_serving) { server_->GetHealthCheckService()->SetServingStatus(is_serving); }

void GrpcServer::Shutdown(absl::Duration grace) {
  SetServing(false);
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
}

}  // namespace cohort::common
