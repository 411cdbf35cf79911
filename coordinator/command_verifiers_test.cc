// SPDX-License-Identifier: Apache-2.0
#include "coordinator/command_verifiers.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include <functional>
#include <set>
#include <string>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::StartsWith;

const security::Caller kSubmitter{.role = security::Role::kSubmitter};
const security::Caller kAdmin{.role = security::Role::kAdmin};

// Its second verifier runs a program.
cohort::v1::RewardSpec RewardWithCommand() {
  cohort::v1::RewardSpec reward;
  reward.add_verifiers()->mutable_math_answer();
  reward.add_verifiers()->mutable_command()->add_argv("/bin/judge");
  return reward;
}

cohort::v1::JobSpec JobWithCommand() {
  cohort::v1::JobSpec spec;
  *spec.mutable_rlvr()->mutable_reward() = RewardWithCommand();
  return spec;
}

TEST(CommandVerifiersTest, WhoMaySubmitThemIsWhatTheFlagSays) {
  const cohort::v1::JobSpec spec = JobWithCommand();
  EXPECT_OK(CheckCommandVerifiers(spec, CommandVerifierUse::kSubmitters, kSubmitter));
  EXPECT_OK(CheckCommandVerifiers(spec, CommandVerifierUse::kAdmins, kAdmin));
  EXPECT_THAT(CheckCommandVerifiers(spec, CommandVerifierUse::kAdmins, kSubmitter),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("rlvr.reward.verifiers[1].command: ")));
  EXPECT_THAT(CheckCommandVerifiers(spec, CommandVerifierUse::kOff, kAdmin),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("rlvr.reward.verifiers[1].command: ")));
  EXPECT_OK(CheckCommandVerifiers(spec, CommandVerifierUse::kAdmins, security::Caller()))
      << "without tokens everybody is an admin";
}

TEST(CommandVerifiersTest, RubricsOfEveryKindAreLookedAt) {
  cohort::v1::JobSpec evaluation;
  *evaluation.mutable_evaluation()->mutable_reward() = RewardWithCommand();
  EXPECT_THAT(CheckCommandVerifiers(evaluation, CommandVerifierUse::kOff, kAdmin),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("evaluation.reward.verifiers[1].command: ")));
  cohort::v1::JobSpec rescore;
  *rescore.mutable_rescore()->mutable_reward() = RewardWithCommand();
  EXPECT_THAT(CheckCommandVerifiers(rescore, CommandVerifierUse::kOff, kAdmin),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("rescore.reward.verifiers[1].command: ")));
}

// The paths of every RewardSpec that a message holds, at any depth.
std::set<std::string> RewardPaths(const google::protobuf::Descriptor* message, const std::string& prefix, int depth) {
  std::set<std::string> paths;
  for (int i = 0; i < message->field_count() && depth > 0; ++i) {
    const auto* field = message->field(i);
    if (field->message_type() == nullptr) continue;
    if (field->message_type() == cohort::v1::RewardSpec::descriptor()) {
      paths.insert(prefix + field->name());
    } else {
      paths.merge(RewardPaths(field->message_type(), prefix + field->name() + ".", depth - 1));
    }
  }
  return paths;
}

TEST(CommandVerifiersTest, NoRubricOfAJobIsForgotten) {
  EXPECT_EQ(RewardPaths(cohort::v1::JobSpec::descriptor(), "", /*depth=*/6),
            (std::set<std::string>{"evaluation.reward", "rescore.reward", "rlvr.reward"}));
}

TEST(CommandVerifiersTest, JobsWithoutThemAreTakenFromEverybody) {
  cohort::v1::JobSpec spec;
  spec.mutable_rlvr()->mutable_reward()->add_verifiers()->mutable_math_answer();
  EXPECT_OK(CheckCommandVerifiers(spec, CommandVerifierUse::kOff, kSubmitter));
}

TEST(CommandVerifiersTest, WordsOfTheFlag) {
  EXPECT_EQ(CommandVerifierUseOf("submitters"), CommandVerifierUse::kSubmitters);
  EXPECT_EQ(CommandVerifierUseOf("admins"), CommandVerifierUse::kAdmins);
  EXPECT_EQ(CommandVerifierUseOf("off"), CommandVerifierUse::kOff);
  EXPECT_EQ(CommandVerifierUseOf("on"), std::nullopt);
}

}  // namespace
}  // namespace cohort::coordinator
