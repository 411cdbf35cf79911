// SPDX-License-Identifier: Apache-2.0
#include "model/strict_json.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/json_depth.h"
#include "model/regular_file.h"

namespace cohort::model {
namespace {

std::string Repeat(const std::string& text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

// {"a":[[...]]} with `depth` levels in all.
std::string Nested(int depth) { return absl::StrCat("{\"a\":", Repeat("[", depth - 1), Repeat("]", depth - 1), "}"); }

void ExpectRefused(const absl::Status& status, absl::string_view named) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), named)) << status;
  EXPECT_LT(status.message().size(), 400u);
}

TEST(StrictJsonTest, NestingUpToTheBoundIsReadAndOneMoreLevelRefused) {
  EXPECT_TRUE(ParseJsonObject(Nested(common::kMaxJsonDepth), "f").ok());
  ExpectRefused(ParseJsonObject(Nested(common::kMaxJsonDepth + 1), "f").status(), "f: is nested deeper than 64 levels");
}

TEST(StrictJsonTest, MillionBracketsAreRefusedWhateverTheyAre) {
  for (const char* bracket : {"[", "{\"a\":", "[{\"a\":"}) {
    ExpectRefused(ParseJsonObject(absl::StrCat("{\"a\":", Repeat(bracket, 1'000'000)), "f").status(), "nested deeper");
  }
}

TEST(StrictJsonTest, BracketsInStringsAreNoNesting) {
  const std::string brackets = Repeat("[{\\\"", 1000);
  const auto document = ParseJsonObject(absl::StrCat("{\"a\":\"", brackets, "\",\"b\\\\\":[1]}"), "f");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ((*document)["a"].get<std::string>().size(), 3000u);
}

TEST(StrictJsonTest, MessagesQuoteAFileInPrintableText) {
  const auto document = ParseJsonObject("{\"a\\u001b[31m\":\"\\n\"}", "f");
  ASSERT_TRUE(document.ok()) << document.status();
  const absl::Status status = JsonFields(*document, "f").Integer("a\x1b[31m", 0, 1).status();
  ExpectRefused(status, "\\x1b");
  EXPECT_FALSE(absl::StrContains(status.message(), "\x1b")) << status;
  ExpectRefused(
      ParseJsonObject(absl::StrCat("{\"", std::string(1'000'000, 'k'), "\":1,\"", std::string(1'000'000, 'k'), "\":1}"),
                      "f")
          .status(),
      "given twice");
}

TEST(StrictJsonTest, NumbersThatAreNoneAreRefused) {
  for (const char* value : {"NaN", "Infinity", "-Infinity", "1e999", "0x10", "01", "+1"}) {
    ExpectRefused(ParseJsonObject(absl::StrCat("{\"a\":", value, "}"), "f").status(), "not valid JSON");
  }
}

class ReadJsonObjectTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/read_json_object";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  std::string folder_;
};

TEST_F(ReadJsonObjectTest, PipeOrFolderIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  ExpectRefused(ReadJsonObject(folder_ + "/pipe").status(), "not a regular file");
  ExpectRefused(ReadJsonObject("/dev/zero").status(), "/dev/zero: not a regular file");
  ExpectRefused(ReadJsonObject(folder_).status(), "not a regular file");
  EXPECT_EQ(ReadJsonObject(folder_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ReadJsonObjectTest, FileBeyondTheBoundIsRefusedBeforeItIsRead) {
  const std::string path = folder_ + "/large";
  std::ofstream(path) << "{}";
  std::filesystem::resize_file(path, kMaxTextFileBytes + 1);  // a hole
  ExpectRefused(ReadJsonObject(path).status(), "must have at most 67108864 bytes (67108865)");
}

TEST_F(ReadJsonObjectTest, FileThatShrinksWhileItIsReadIsDataLoss) {
  const std::string path = folder_ + "/shrinks";
  std::ofstream(path) << std::string(100, ' ');
  const auto file = RegularFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  std::filesystem::resize_file(path, 40);
  char bytes[100];
  const absl::Status status = file->ReadAt(0, 100, bytes);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "ends at byte 40")) << status;
}

}  // namespace
}  // namespace cohort::model
