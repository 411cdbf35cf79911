// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/torch_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace cohort::kernels {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

TEST(DeviceTest, OtherNamesAreRefusedWithTheirText) {
  EXPECT_OK(ParseDevice("cpu"));
  for (const char* text : {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "CPU"}) {
    EXPECT_THAT(ParseDevice(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--device: must be cpu or cuda:N")));
  }
}

TEST(DeviceTest, DeviceThatIsNotThereIsRefusedInOneSentence) {
  EXPECT_THAT(ParseDevice("cuda:1000"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(cuda:1000)")));
}

TEST(DeviceTest, ProcessorIsModelNameAndInstructionSet) {
  const char* cpuinfo =
      "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a b\n\nprocessor\t: 1\nmodel name\t: Other\n";
  EXPECT_EQ(DescribeProcessor(cpuinfo, "AVX2"), "Some CPU @ 2 GHz / AVX2");
  EXPECT_EQ(DescribeProcessor("", "AVX2"), "unknown processor / AVX2");
}

TEST(DeviceTest, MemoryOfTheProcessorIsKnown) { EXPECT_GT(ReadMemoryBytes(c10::Device(c10::kCPU)), 1 << 20); }

}  // namespace
}  // namespace cohort::kernels
