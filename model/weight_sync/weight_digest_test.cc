// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/weight_digest.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "model/parameter_map.h"

namespace cohort::model {
namespace {

TEST(WeightDigestTest, DependsOnNamesShapesAndBytes) {
  const auto digest = [](ParameterMap parameters) { return DescribeWeights(parameters)->digest(); };
  const at::Tensor values = at::arange(6, at::kFloat);
  const std::string base = digest({{{"a", values.clone()}, {"b", values.clone()}}});
  EXPECT_EQ(base, digest({{{"a", values.clone()}, {"b", values.clone()}}}));
  EXPECT_NE(base, digest({{{"b", values.clone()}, {"a", values.clone()}}}));
  EXPECT_NE(base, digest({{{"a", values.view({2, 3})}, {"b", values.clone()}}}));
  at::Tensor changed = values.clone();
  changed.mutable_data_ptr<float>()[5] = std::nextafter(5.0f, 6.0f);
  EXPECT_NE(base, digest({{{"a", values.clone()}, {"b", changed}}}));
  EXPECT_EQ(DescribeWeights({{{"half", values.to(at::kHalf)}}}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cohort::model
