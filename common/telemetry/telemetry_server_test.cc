// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/telemetry_server.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

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
  const double before = Value("process_open_fds");
  const int fd = dup(0);
  EXPECT_EQ(Value("process_open_fds"), before + 1);
  close(fd);
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
