// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/telemetry_server.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/testing/status_matchers.h"
#include "common/version.h"
#include "prometheus/counter.h"
#include "prometheus/registry.h"

namespace cohort::common {
namespace {

using ::testing::HasSubstr;

class TelemetryServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(server_, TelemetryServer::Create("127.0.0.1:0", "cohort-test", &registry_, &health_));
  }

  httplib::Result Get(const char* path) { return httplib::Client("http://" + server_->Address()).Get(path); }
  std::string Metrics() {
    const auto response = Get("/metrics");
    return response && response->status == 200 ? response->body : "no answer";
  }
  // A bare connection.
  int Connect() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(server_->Address().substr(10))));
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  // Value of an unlabelled metric; -1 when absent.
  double Value(const std::string& name) {
    const std::string metrics = "\n" + Metrics();
    const size_t position = metrics.find("\n" + name + " ");
    return position == std::string::npos ? -1 : std::stod(metrics.substr(position + name.size() + 2));
  }

  prometheus::Registry registry_;
  Health health_;
  std::unique_ptr<TelemetryServer> server_;
};

TEST_F(TelemetryServerTest, MetricsShowTheRegistryNow) {
  auto& counter = prometheus::BuildCounter().Name("cohort_test_ticks_total").Help("Ticks.").Register(registry_).Add({});
  counter.Increment(3);
  EXPECT_EQ(Value("cohort_test_ticks_total"), 3);
  counter.Increment();
  EXPECT_EQ(Value("cohort_test_ticks_total"), 4);
  EXPECT_THAT(Metrics(), HasSubstr("# HELP cohort_test_ticks_total Ticks."));
}

TEST_F(TelemetryServerTest, MetricsDescribeTheProcess) {
  EXPECT_GT(Value("process_resident_memory_bytes"), 1e6);
  EXPECT_LT(Value("process_resident_memory_bytes"), 1e12);
  EXPECT_GE(Value("process_cpu_seconds_total"), 0);
  EXPECT_LT(Value("process_cpu_seconds_total"), 600);
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  EXPECT_NEAR(Value("process_start_time_seconds"), now, 600);
  EXPECT_THAT(Metrics(), HasSubstr("# TYPE process_cpu_seconds_total counter"));
}

TEST_F(TelemetryServerTest, OpenDescriptorsAreCounted) {
  // Every request has a connection of its own, and the server closes the one before a moment after its answer.
  const auto is_counted = [this] {
    const double before = Value("process_open_fds");
    const int fd = dup(0);
    const double with = Value("process_open_fds");
    close(fd);
    return with == before + 1;
  };
  bool was_counted = false;
  for (int i = 0; i < 100 && !was_counted; ++i) was_counted = is_counted();
  EXPECT_TRUE(was_counted);
}

TEST_F(TelemetryServerTest, BuildInfoNamesComponentAndVersion) {
  EXPECT_THAT(Metrics(),
              HasSubstr(std::string("cohort_build_info{component=\"cohort-test\",version=\"") + kVersion + "\"} 1"));
}

TEST_F(TelemetryServerTest, HealthzIsOkEvenWhenNotReady) {
  const auto response = Get("/healthz");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
}

TEST_F(TelemetryServerTest, ReadyzFollowsHealth) {
  EXPECT_EQ(Get("/readyz")->status, 503);
  EXPECT_EQ(Get("/readyz")->body, "starting\n");
  health_.SetReady();
  EXPECT_EQ(Get("/readyz")->status, 200);
  health_.SetNotReady("draining");
  EXPECT_EQ(Get("/readyz")->body, "draining\n");
}

TEST_F(TelemetryServerTest, UnknownPathIsNotFound) { EXPECT_EQ(Get("/secrets")->status, 404); }

TEST_F(TelemetryServerTest, PortInUseIsUnavailableByName) {
  EXPECT_THAT(TelemetryServer::Create(server_->Address(), "x", &registry_, &health_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(server_->Address())));
}

TEST_F(TelemetryServerTest, MalformedAddressIsInvalid) {
  EXPECT_THAT(TelemetryServer::Create("9090", "x", &registry_, &health_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("9090")));
}

TEST_F(TelemetryServerTest, SilentClientsDoNotKeepOthersOut) {
  // More than there are threads; none ever sends its request's end.
  std::vector<int> silent;
  for (int i = 0; i < 8; ++i) {
    silent.push_back(Connect());
    ASSERT_GT(send(silent.back(), "GET /metrics", 12, MSG_NOSIGNAL), 0);
  }
  httplib::Client client("http://" + server_->Address());
  client.set_read_timeout(/*sec=*/30);
  const auto response = client.Get("/healthz");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  for (const int fd : silent) close(fd);
}

TEST_F(TelemetryServerTest, EndlessRequestIsCut) {
  for (const std::string& start : {std::string(), std::string("GET /healthz HTTP/1.1\r\nA: "),
                                   std::string("POST /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")}) {
    const int fd = Connect();
    const std::string bytes = start + std::string(1 << 20, 'a');
    // The kernel takes some of it; the rest meets a closed connection.
    size_t num_sent = 0;
    while (num_sent < 64 * bytes.size()) {
      const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) break;
      num_sent += static_cast<size_t>(sent);
    }
    EXPECT_LT(num_sent, 64 * bytes.size());
    close(fd);
  }
  EXPECT_EQ(Get("/healthz")->status, 200);
}

TEST_F(TelemetryServerTest, RangesDoNotMultiplyTheAnswer) {
  std::string ranges = "bytes=0-";
  for (int i = 0; i < 500; ++i) ranges += ",0-";
  const auto response =
      httplib::Client("http://" + server_->Address()).Get("/metrics", httplib::Headers{{"Range", ranges}});
  ASSERT_TRUE(response);
  EXPECT_LT(response->body.size(), 2 * Metrics().size());
}

TEST_F(TelemetryServerTest, StopsWithSilentClients) {
  std::vector<int> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(Connect());
  const absl::Time start = absl::Now();
  server_.reset();
  // 20 connections by 4 threads with 2 s each would take 10.
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  for (const int fd : silent) close(fd);
}

TEST_F(TelemetryServerTest, StopsWithAnIdleConnectionOpen) {
  httplib::Client client("http://" + server_->Address());
  client.set_keep_alive(true);
  ASSERT_TRUE(client.Get("/healthz"));
  const absl::Time start = absl::Now();
  server_.reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(4));
}

}  // namespace
}  // namespace cohort::common
