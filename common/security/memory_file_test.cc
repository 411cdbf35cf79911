// SPDX-License-Identifier: Apache-2.0
#include "common/security/memory_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace cohort::security {
namespace {

using ::cohort::common::IsOkAndHolds;

TEST(MemoryFileTest, ThePathHasTheContentAndThenTheNext) {
  ASSERT_OK_AND_ASSIGN(MemoryFile file, MemoryFile::Create("a long first content"));
  const std::string path = file.Path();
  EXPECT_THAT(common::ReadFile(path), IsOkAndHolds("a long first content"));
  ASSERT_OK(file.Replace("second"));
  EXPECT_EQ(file.Path(), path);
  EXPECT_THAT(common::ReadFile(path), IsOkAndHolds("second"));
}

TEST(MemoryFileTest, WhoHasOpenedItReadsOnInTheOldContent) {
  ASSERT_OK_AND_ASSIGN(MemoryFile file, MemoryFile::Create(std::string(100'000, 'a')));
  std::ifstream reader(file.Path());
  EXPECT_EQ(reader.get(), 'a');
  ASSERT_OK(file.Replace(std::string(100'000, 'b')));
  const std::string rest((std::istreambuf_iterator<char>(reader)), std::istreambuf_iterator<char>());
  EXPECT_EQ(rest, std::string(99'999, 'a'));
}

}  // namespace
}  // namespace cohort::security
