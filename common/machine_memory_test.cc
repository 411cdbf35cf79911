// SPDX-License-Identifier: Apache-2.0
#include "common/machine_memory.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"

namespace cohort::common {
namespace {

class MachineMemoryTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    const std::filesystem::path file = root_.Join(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  int64_t Bytes() const { return MachineMemoryBytes(root_.path()); }

  TempDir root_;
};

TEST_F(MachineMemoryTest, UnboundedProcessHasTheMemoryOfTheMachine) {
  Write("proc/meminfo", "MemTotal:       16 kB\nMemFree:        1 kB\n");
  EXPECT_EQ(Bytes(), 16 << 10);
  Write("proc/self/cgroup", "0::/jobs/a\n");
  Write("sys/fs/cgroup/jobs/a/memory.max", "max\n");
  EXPECT_EQ(Bytes(), 16 << 10);
}

TEST_F(MachineMemoryTest, SmallestLimitOfTheGroupsAboveCounts) {
  Write("proc/meminfo", "MemTotal: 16 kB\n");
  Write("proc/self/cgroup", "0::/jobs/a\n");
  Write("sys/fs/cgroup/jobs/a/memory.max", "9000\n");
  EXPECT_EQ(Bytes(), 9000);
  Write("sys/fs/cgroup/jobs/memory.max", "8000\n");
  EXPECT_EQ(Bytes(), 8000);
  Write("sys/fs/cgroup/memory.max", "99999999\n");
  EXPECT_EQ(Bytes(), 8000) << "more than there is limits nothing";
}

TEST_F(MachineMemoryTest, ContainerSeesItsOwnGroupAtTheTop) {
  Write("proc/meminfo", "MemTotal: 16 kB\n");
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/memory.max", "4096\n");
  EXPECT_EQ(Bytes(), 4096);
}

TEST_F(MachineMemoryTest, FirstVersionOfControlGroupsIsRead) {
  Write("proc/meminfo", "MemTotal: 16 kB\n");
  Write("proc/self/cgroup", "11:cpu,cpuacct:/x\n9:memory:/docker/1\n0::/\n");
  Write("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "5000\n");
  EXPECT_EQ(Bytes(), 5000);
}

TEST_F(MachineMemoryTest, NothingIsKnownWithoutFiles) { EXPECT_EQ(Bytes(), 0); }

TEST_F(MachineMemoryTest, MostThatWasResidentIsReadFromTheProcess) {
  EXPECT_EQ(PeakResidentBytes(root_.path()), 0);
  Write("proc/self/status", "Name:\tcohort\nVmPeak:\t   90 kB\nVmHWM:\t   12 kB\nVmRSS:\t   10 kB\n");
  EXPECT_EQ(PeakResidentBytes(root_.path()), 12 << 10);
}

TEST(ThisMachineMemoryTest, IsMoreThanThisTestNeeds) { EXPECT_GT(MachineMemoryBytes(), 1 << 20); }

}  // namespace
}  // namespace cohort::common
