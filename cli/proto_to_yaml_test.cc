// SPDX-License-Identifier: Apache-2.0
#include "cli/proto_to_yaml.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "cohort/v1/job_service.pb.h"
#include "common/config/yaml_to_proto.h"

namespace cohort::cli {
namespace {

cohort::v1::JobSpec SampleSpec() {
  cohort::v1::JobSpec spec;
  spec.mutable_model()->set_from_job("warm-start");
  auto* rlvr = spec.mutable_rlvr();
  rlvr->mutable_data()->mutable_jsonl()->set_path("data/problems.jsonl");
  rlvr->mutable_data()->mutable_fields()->set_answer_marker("#### \"x\"\t");
  auto* verifier = rlvr->mutable_reward()->add_verifiers();
  verifier->set_name("yes");
  verifier->set_weight(0.25);
  verifier->mutable_deadline()->set_nanos(200'000'000);
  verifier->mutable_math_answer();
  auto* command = rlvr->mutable_reward()->add_verifiers()->mutable_command();
  command->add_argv("python3");
  command->add_argv("-c");
  command->add_argv("print(1)");
  spec.mutable_objective()->mutable_grpo()->set_loss_reduction(cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM);
  spec.mutable_objective()->mutable_grpo()->set_clip_high(0.28);
  spec.mutable_training()->set_num_steps(1'000'000);
  (*spec.mutable_labels())["team"] = "12";
  return spec;
}

TEST(ProtoToYamlTest, StrictReaderReadsTheSameMessageBack) {
  const std::string yaml = ProtoToYaml(SampleSpec());
  cohort::v1::JobSpec read;
  const absl::Status status = common::YamlToProto(yaml, "spec.yaml", &read);
  ASSERT_TRUE(status.ok()) << status << "\n" << yaml;
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(read, SampleSpec())) << yaml;
}

TEST(ProtoToYamlTest, EnumsLoseTheirPrefixAndTimesAreReadable) {
  cohort::v1::Job job;
  job.set_name("namespaces/default/jobs/demo");
  job.set_state(cohort::v1::JOB_STATE_SUCCEEDED);
  job.mutable_create_time()->set_seconds(1767225600);
  EXPECT_EQ(ProtoToYaml(job),
            "name: namespaces/default/jobs/demo\nstate: succeeded\ncreate_time: \"2026-01-01T00:00:00Z\"\n");
}

}  // namespace
}  // namespace cohort::cli
