// SPDX-License-Identifier: Apache-2.0
#include "common/plain_file_name.h"

#include <gtest/gtest.h>

#include <string>

namespace cohort::common {
namespace {

TEST(PlainFileNameTest, NamesOfFilesAreTaken) {
  for (const std::string name :
       {"config.json", "model-00001-of-00002.safetensors", ".hidden", "..a", "a..b", "a b", "\xC3\xA9"}) {
    EXPECT_TRUE(IsPlainFileName(name)) << name;
  }
  EXPECT_TRUE(IsPlainFileName(std::string(255, 'a')));
}

TEST(PlainFileNameTest, WhatLeadsElsewhereIsRefused) {
  for (const std::string name : {"", ".", "..", "/", "/etc/passwd", "../x", "a/b", "a\\b", "a\nb", "\x7F", "\xFF"}) {
    EXPECT_FALSE(IsPlainFileName(name)) << name;
  }
  EXPECT_FALSE(IsPlainFileName(std::string("a\0b", 3)));
  EXPECT_FALSE(IsPlainFileName(std::string(256, 'a')));
}

}  // namespace
}  // namespace cohort::common
