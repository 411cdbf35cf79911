// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/rpc_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/testing/echo_service.h"
#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

using Text = EchoService::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RpcMetricsTest : public ::testing::Test {
 protected:
  // "method code count" of every counter and "method count" of every histogram, sorted.
  std::set<std::string> Calls() const {
    std::set<std::string> calls;
    for (const auto& family : registry_.Collect()) {
      const bool is_counter = family.name == "test_rpcs_total";
      for (const auto& metric : family.metric) {
        std::string line;
        for (const auto& label : metric.label) absl::StrAppend(&line, label.value, " ");
        absl::StrAppend(&line, is_counter ? metric.counter.value : metric.histogram.sample_count);
        calls.insert(line);
      }
    }
    return calls;
  }

  prometheus::Registry registry_;
  MetricCatalogue catalogue_{&registry_, "", 1};
  RpcMetrics metrics_{&catalogue_, "test"};
};

TEST_F(RpcMetricsTest, MethodsAndCodesAreTold) {
  RpcMetrics::Method* const get = metrics_.Find("/some.package.v1.MailService/GetMail");
  EXPECT_EQ(metrics_.Find("/some.package.v1.MailService/GetMail"), get);
  metrics_.Record(get, grpc::StatusCode::OK, 0.5);
  metrics_.Record(get, grpc::StatusCode::OK, 0.5);
  metrics_.Record(get, grpc::StatusCode::UNAVAILABLE, 7);
  metrics_.Record(metrics_.Find("/Plain/Call"), grpc::StatusCode::UNAUTHENTICATED, 0);
  EXPECT_THAT(Calls(), ElementsAre("MailService/GetMail 3", "OK MailService/GetMail 2", "Plain/Call 1",
                                   "UNAUTHENTICATED Plain/Call 1", "UNAVAILABLE MailService/GetMail 1"));
}

TEST_F(RpcMetricsTest, CallsOfAServerAreCountedByTheirStatus) {
  EchoService service([](grpc::ServerContext*, const Text& request, Text* response) {
    *response = request;
    return request.value().empty() ? grpc::Status(grpc::StatusCode::NOT_FOUND, "no text") : grpc::Status::OK;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, GrpcServer::Create("127.0.0.1:0", {&service}, /*enable_reflection=*/false,
                                                             /*credentials=*/nullptr, &metrics_));
  EXPECT_THAT(Calls(), IsEmpty());
  const auto channel = CreateChannel(server->Address());
  Text hello, response;
  hello.set_value("hello");
  ASSERT_TRUE(CallUnary(channel, EchoService::kMethod, hello, &response).ok());
  EXPECT_EQ(response.value(), "hello");
  EXPECT_EQ(CallUnary(channel, EchoService::kMethod, Text(), &response).error_code(), grpc::StatusCode::NOT_FOUND);
  // The status is counted before it is sent.
  const std::set<std::string> calls = Calls();
  EXPECT_EQ(calls.size(), 3u);
  int num_ok = 0, num_not_found = 0;
  for (const std::string& call : calls) {
    num_ok += call.starts_with("OK ") ? 1 : 0;
    num_not_found += call.starts_with("NOT_FOUND ") ? 1 : 0;
  }
  EXPECT_EQ(num_ok, 1);
  EXPECT_EQ(num_not_found, 1);
}

}  // namespace
}  // namespace cohort::common
