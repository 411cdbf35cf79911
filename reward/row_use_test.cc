// SPDX-License-Identifier: Apache-2.0
#include "reward/row_use.h"

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

TEST(RowUseTest, AMathAnswerIsJudgedWithoutTheRow) {
  cohort::v1::RewardSpec spec;
  spec.add_verifiers()->mutable_math_answer();
  EXPECT_FALSE(MayReadRow(spec));
  spec.add_verifiers()->mutable_countdown();
  EXPECT_TRUE(MayReadRow(spec));
}

TEST(RowUseTest, AnyOtherVerifierMayReadTheRow) {
  const auto* oneof = cohort::v1::VerifierSpec::descriptor()->FindOneofByName("verifier");
  ASSERT_NE(oneof, nullptr);
  for (int i = 0; i < oneof->field_count(); ++i) {
    cohort::v1::RewardSpec spec;
    cohort::v1::VerifierSpec& verifier = *spec.add_verifiers();
    verifier.GetReflection()->MutableMessage(&verifier, oneof->field(i));
    EXPECT_EQ(MayReadRow(spec), oneof->field(i)->name() != "math_answer") << oneof->field(i)->name();
  }
}

}  // namespace
}  // namespace cohort::reward
