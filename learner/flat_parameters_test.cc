// SPDX-License-Identifier: Apache-2.0
#include "learner/flat_parameters.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "common/testing/status_matchers.h"

namespace cohort::learner {
namespace {

model::ParameterMap ThreeParameters() {
  model::ParameterMap parameters;
  parameters.entries = {{"a", at::arange(6, at::kFloat).view({2, 3})},
                        {"norm", at::ones({5})},
                        {"b", at::arange(40, at::kFloat).view({8, 5})}};
  return parameters;
}

// The same in flat buffers.
absl::StatusOr<std::unique_ptr<FlatParameters>> ThreeFlatParameters() {
  const at::NoGradGuard no_grad;
  auto flat = FlatParameters::Create(
      SelectParameters({{"a", {2, 3}}, {"norm", {5}, model::ParameterSpec::Kind::kNorm}, {"b", {8, 5}}}), at::kCPU);
  for (const auto& [name, value] : ThreeParameters().entries) (*flat)->parameters().Find(name).copy_(value);
  return flat;
}

TEST(FlatParametersTest, ViewsHoldTheValuesAndStartOnCacheLines) {
  ASSERT_OK_AND_ASSIGN(const auto flat, ThreeFlatParameters());
  for (const auto& [name, expected] : ThreeParameters().entries) {
    const at::Tensor view = flat->parameters().Find(name);
    EXPECT_TRUE(at::equal(view, expected)) << name;
    EXPECT_TRUE(view.is_leaf()) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.const_data_ptr()) % 64, 0) << name;
  }
}

TEST(FlatParametersTest, BufferOfNeighboursHasTheirValuesAlone) {
  ASSERT_OK_AND_ASSIGN(const auto flat, ThreeFlatParameters());
  const SpanRange spans = {.first = 1, .count = 2};
  const FlatRange range = RangeOf(flat->layout(), spans);
  const model::ParameterMap views = flat->ViewsOf(flat->weights_L().narrow(0, range.offset, range.size).clone(), spans);
  ASSERT_EQ(views.entries.size(), 2);
  for (const auto& [name, view] : views.entries) EXPECT_TRUE(at::equal(view, ThreeParameters().Find(name))) << name;
  EXPECT_TRUE(flat->ViewsOf(flat->weights_L().narrow(0, 0, 0), {.first = 3, .count = 0}).entries.empty());
}

TEST(FlatParametersTest, ChangingTheBufferChangesTheParameters) {
  ASSERT_OK_AND_ASSIGN(const auto flat, ThreeFlatParameters());
  flat->weights_L().fill_(3);
  EXPECT_TRUE(at::equal(flat->parameters().Find("norm"), at::full({5}, 3.0f)));
}

TEST(FlatParametersTest, BackwardAddsIntoTheGradientBuffer) {
  ASSERT_OK_AND_ASSIGN(const auto flat, ThreeFlatParameters());
  const at::Tensor b = flat->parameters().Find("b");
  for (int pass = 0; pass < 2; ++pass) (b * b).sum().backward();
  const FlatSpan& span = flat->layout().spans[2];
  EXPECT_TRUE(at::equal(flat->gradients_L().narrow(0, span.offset, span.size).view({8, 5}), 4 * b.detach()));
  EXPECT_EQ(flat->gradients_L().narrow(0, 0, span.offset).abs().sum().item<float>(), 0);
}

TEST(FlatParametersTest, ModelWithoutParametersIsRefused) {
  EXPECT_THAT(FlatParameters::Create({}, at::kCPU), common::StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace cohort::learner
