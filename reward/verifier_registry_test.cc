// SPDX-License-Identifier: Apache-2.0
#include "reward/verifier_registry.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "reward/builtin_verifiers.h"

namespace cohort::reward {
namespace {

using cohort::v1::VerifierSpec;

TEST(VerifierRegistryTest, BuiltinsCoverEveryCaseOfTheOneof) {
  VerifierRegistry registry;
  ASSERT_TRUE(RegisterBuiltinVerifiers(&registry).ok());
  const auto* oneof = VerifierSpec::descriptor()->FindOneofByName("verifier");
  for (int i = 0; i < oneof->field_count(); ++i) {
    VerifierSpec spec;
    spec.GetReflection()->MutableMessage(&spec, oneof->field(i));
    if (spec.has_command()) spec.mutable_command()->add_argv("true");
    if (spec.has_ranking()) spec.mutable_ranking()->set_catalogue_path("catalogue.jsonl");
    EXPECT_TRUE(registry.Create(spec).ok()) << oneof->field(i)->name();
    EXPECT_EQ(VerifierKind(spec), oneof->field(i)->name());
  }
}

TEST(VerifierRegistryTest, SecondFactoryOfOneCaseIsRefused) {
  VerifierRegistry registry;
  ASSERT_TRUE(RegisterBuiltinVerifiers(&registry).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(RegisterBuiltinVerifiers(&registry)));
}

TEST(VerifierRegistryTest, MissingAndUnknownVerifiersAreNamed) {
  VerifierRegistry registry;
  EXPECT_EQ(registry.Create(VerifierSpec()).status().message(),
            "verifier: none is set; want math_answer, countdown, command or ranking");
  VerifierSpec spec;
  spec.mutable_countdown();
  EXPECT_EQ(registry.Create(spec).status().message(), "countdown: this binary has no such verifier");
}

TEST(VerifierRegistryTest, CommandWithoutProgramIsRefused) {
  VerifierRegistry registry;
  ASSERT_TRUE(RegisterBuiltinVerifiers(&registry).ok());
  VerifierSpec spec;
  spec.mutable_command();
  EXPECT_EQ(registry.Create(spec).status().message(), "command.argv: names no program");
}

TEST(VerifierRegistryTest, RankingWithoutCatalogueIsRefused) {
  VerifierRegistry registry;
  ASSERT_TRUE(RegisterBuiltinVerifiers(&registry).ok());
  VerifierSpec spec;
  spec.mutable_ranking();
  EXPECT_EQ(registry.Create(spec).status().message(), "ranking.catalogue_path: names no file");
}

}  // namespace
}  // namespace cohort::reward
