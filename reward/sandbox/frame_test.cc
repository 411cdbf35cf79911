// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/frame.h"

#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

class FrameTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(ends_), 0); }
  void TearDown() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  void Feed(std::string_view bytes, FrameReader* reader) {
    ASSERT_EQ(write(ends_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ASSERT_EQ(reader->ReadFrom(ends_[0]), static_cast<ssize_t>(bytes.size()));
  }
  int ends_[2];
};

TEST_F(FrameTest, FramesSurviveAnyCut) {
  std::string bytes;
  AppendFrame({FrameKind::kProblem, 0, ""}, &bytes);
  AppendFrame({FrameKind::kJudge, 7, std::string_view("a\0b", 3)}, &bytes);
  AppendFrame({FrameKind::kScore, 1, "score"}, &bytes);
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    FrameReader reader(/*max_payload_bytes=*/16);
    std::string seen;
    for (const std::string_view part : {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
      Feed(part, &reader);
      while (const auto frame = reader.Next()) {
        seen += std::to_string(static_cast<int>(frame->kind)) + ":" + std::to_string(frame->argument) + ":" +
                std::string(frame->payload) + ";";
      }
    }
    EXPECT_EQ(seen, std::string("1:0:;2:7:a\0b;4:1:score;", 23));
    EXPECT_FALSE(reader.is_broken());
  }
}

TEST_F(FrameTest, TooLargeOrUnknownFramesBreakTheReader) {
  std::string large;
  AppendFrame({FrameKind::kScore, 0, "12345678901234567"}, &large);
  std::string unknown;
  AppendFrame({static_cast<FrameKind>(9), 0, ""}, &unknown);
  for (const std::string& bytes : {large, unknown}) {
    FrameReader reader(/*max_payload_bytes=*/16);
    Feed(bytes, &reader);
    EXPECT_FALSE(reader.Next().has_value());
    EXPECT_TRUE(reader.is_broken());
  }
}

}  // namespace
}  // namespace cohort::reward
