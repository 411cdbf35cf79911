// SPDX-License-Identifier: Apache-2.0
#include "learner/bucket_watch.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/flat_parameters.h"
#include "learner/parameter_selection.h"

namespace cohort::learner {
namespace {

class BucketWatchTest : public ::testing::Test {
 protected:
  // One number a bucket, so that every parameter has a bucket of its own.
  static std::unique_ptr<FlatParameters> ThreeBuckets() {
    return *FlatParameters::Create(SelectParameters({{"a", {4}}, {"b", {4}}, {"c", {4}}}), at::kCPU, {},
                                   {.layout = {.bucket_numbers = 1}});
  }
};

TEST_F(BucketWatchTest, BucketsCompleteInOrderAndOnlyAfterAllUsesOfTheirParameters) {
  const auto flat = ThreeBuckets();
  const at::Tensor a = flat->parameters().Find("a"), b = flat->parameters().Find("b"), c = flat->parameters().Find("c");
  std::vector<int64_t> complete;
  at::Tensor gradient_when_complete;
  {
    BucketWatch watch(flat.get(), [&](int64_t num_buckets) {
      complete.push_back(num_buckets);
      if (num_buckets == 3) gradient_when_complete = flat->gradients_L().clone();
    });
    // "a" is used first and last, as a tied embedding is.
    ((a * 2 + b) * 3 + c + a).sum().backward();
    EXPECT_OK(watch.status());
  }
  ASSERT_FALSE(complete.empty());
  EXPECT_TRUE(std::is_sorted(complete.begin(), complete.end()));
  EXPECT_EQ(complete.back(), 3);
  EXPECT_TRUE(at::equal(gradient_when_complete, flat->gradients_L()));
  EXPECT_TRUE(at::equal(a.grad(), at::full({4}, 7.0f)));
  const size_t num_calls = complete.size();
  (a + b + c).sum().backward();  // nobody watches any more
  EXPECT_EQ(complete.size(), num_calls);
}

TEST_F(BucketWatchTest, BucketOfAnUnusedParameterHoldsUpThoseBehindIt) {
  const auto flat = ThreeBuckets();
  std::vector<int64_t> complete;
  BucketWatch watch(flat.get(), [&](int64_t num_buckets) { complete.push_back(num_buckets); });
  (flat->parameters().Find("a") + flat->parameters().Find("c")).sum().backward();
  EXPECT_EQ(complete, std::vector<int64_t>{1});  // "c" alone: "b" comes before "a"
  EXPECT_OK(watch.status());
}

TEST_F(BucketWatchTest, SecondGradientInAPassIsAnErrorByName) {
  const auto flat = ThreeBuckets();
  BucketWatch watch(flat.get(), [](int64_t) {});
  for (int pass = 0; pass < 2; ++pass) flat->parameters().Find("b").sum().backward();
  EXPECT_THAT(watch.status(), common::StatusIs(absl::StatusCode::kInternal, ::testing::HasSubstr(", b")));
}

}  // namespace
}  // namespace cohort::learner
