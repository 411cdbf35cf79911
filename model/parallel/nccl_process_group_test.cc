// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/parallel/process_group.h"

namespace cohort::model {
namespace {

TEST(NcclProcessGroupTest, GangOfOneReducesOnTheGpu) {
  if (!at::hasCUDA()) GTEST_SKIP() << "no GPU";
  const auto server = RendezvousServer::Create("127.0.0.1").value();
  ProcessGroupOptions options;
  options.store_address = server->Address();
  options.key_prefix = "job/1";
  options.host = "127.0.0.1";
  const at::Device device(at::kCUDA, 0);
  const auto group = CreateNcclProcessGroup(options, device);
  ASSERT_TRUE(group.ok()) << group.status();
  const at::Tensor values = at::arange(1000, at::TensorOptions().dtype(at::kFloat).device(device));
  const at::Tensor before = values.clone();
  ASSERT_TRUE((*group)->AllReduceSum(values).ok());
  ASSERT_TRUE((*group)->AllReduceMax(values).ok());
  ASSERT_TRUE((*group)->ReduceScatterSum(values).ok());
  ASSERT_TRUE((*group)->AllGather(values).ok());
  ASSERT_TRUE((*group)->Broadcast(values, /*root=*/0).ok());
  EXPECT_TRUE((*group)->Barrier().ok());
  EXPECT_TRUE(at::equal(values, before));
}

}  // namespace
}  // namespace cohort::model
