// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_JOB_ACCESS_FIXTURE_H_
#define COHORT_COORDINATOR_TESTING_JOB_ACCESS_FIXTURE_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/grpc_server.h"
#include "common/grpc_status.h"
#include "common/security/client_security.h"
#include "common/security/testing/test_authority.h"
#include "common/testing/echo_service.h"
#include "common/testing/temp_dir.h"
#include "coordinator/job_access.h"

namespace cohort::coordinator {

// A JobService behind JobAccess on loopback that asks for tokens, and clients with one each.
class JobAccessFixture : public ::testing::Test {
 protected:
  using Message = google::protobuf::Message;
  using MethodDescriptor = google::protobuf::MethodDescriptor;

  // Tokens of a submitter and a viewer of the namespaces a and default, of a worker and of an admin.
  static constexpr char kOfA[] = "submitterAsubmitterAsubmitterA01";
  static constexpr char kViewerOfA[] = "viewerAviewerAviewerAviewerA0001";
  static constexpr char kWorker[] = "workerworkerworkerworkerworker01";
  static constexpr char kAdmin[] = "adminadminadminadminadminadmin01";

  // What Serve protects the service by.
  const security::ServerSecurity* Protect(bool asks_for_tokens = true) {
    const std::string tokens = folder_.Join("tokens");
    security::WriteSecret(tokens, std::string(kOfA) + " submitter a,default\n" + kViewerOfA + " viewer a,default\n" +
                                      kWorker + " worker\n" + kAdmin + " admin\n");
    security_ = *security::ServerSecurity::Create({.tokens = asks_for_tokens ? tokens : ""}, "127.0.0.1:0",
                                                  common::SystemClock(), kJobServiceName);
    return security_.get();
  }
  void Serve(cohort::v1::JobService::Service* jobs, bool asks_for_tokens = true) {
    if (security_ == nullptr) Protect(asks_for_tokens);
    access_ = std::make_unique<JobAccess>(jobs, security_.get());
    server_ = *common::GrpcServer::Create("127.0.0.1:0", {access_.get()}, /*enable_reflection=*/false,
                                          security_->credentials());
  }
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& token) {
    security::ClientSecurityFiles files;
    if (!token.empty()) security::WriteSecret(files.token = folder_.Join("token"), token);
    return (*security::ClientSecurity::Create(files, common::SystemClock()))->OpenChannel(server_->Address());
  }

  // A call of any method with `name` where it names a job or namespace.
  absl::Status Call(const std::string& token, const MethodDescriptor& method, const std::string& name) {
    return common::FromGrpcStatus(CallForStatus(token, method, name));
  }
  grpc::Status CallForStatus(const std::string& token, const MethodDescriptor& method, const std::string& name) {
    auto* const factory = google::protobuf::MessageFactory::generated_factory();
    const std::unique_ptr<Message> request(factory->GetPrototype(method.input_type())->New());
    const std::unique_ptr<Message> response(factory->GetPrototype(method.output_type())->New());
    const auto* const field = NameField(method);
    if (field != nullptr) request->GetReflection()->SetString(request.get(), field, name);
    const std::string path = "/" + method.service()->full_name() + "/" + method.name();
    return common::CallUnary(ChannelOf(token), path.c_str(), *request, response.get());
  }
  static const google::protobuf::FieldDescriptor* NameField(const MethodDescriptor& method) {
    const auto* field = method.input_type()->FindFieldByName("name");
    return field == nullptr ? method.input_type()->FindFieldByName("parent") : field;
  }
  static std::vector<const MethodDescriptor*> AllMethods() {
    const auto* service = cohort::v1::GetJobRequest::descriptor()->file()->FindServiceByName("JobService");
    std::vector<const MethodDescriptor*> methods;
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
    return methods;
  }
  static std::vector<const MethodDescriptor*> MethodsWithAName() {
    std::vector<const MethodDescriptor*> methods = AllMethods();
    std::erase_if(methods, [](const MethodDescriptor* method) { return NameField(*method) == nullptr; });
    return methods;
  }

  common::TempDir folder_;
  std::unique_ptr<security::ServerSecurity> security_;
  std::unique_ptr<JobAccess> access_;
  std::unique_ptr<common::GrpcServer> server_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_JOB_ACCESS_FIXTURE_H_
