// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/weights/safetensors_header.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::model {
namespace {

std::string FreshFolder() {
  const std::string folder =
      absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

std::string FileOf(const std::string& header, size_t data_bytes) {
  std::string length(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(length.data(), &size, 8);
  return length + header + std::string(data_bytes, 'x');
}

absl::Status OpenBytes(const std::string& bytes) {
  const std::string path = absl::StrCat(testing::TempDir(), "/bytes.safetensors");
  std::ofstream(path) << bytes;
  return SafetensorsReader::Open(path).status();
}

std::vector<TensorToWrite> TwoTensors(const std::vector<float>& values) {
  const auto bytes = [&values](size_t count) {
    return [&values, count] {
      return std::string_view(reinterpret_cast<const char*>(values.data()), count * sizeof(float));
    };
  };
  return {{"b.weight", "F32", {2, 3}, bytes(6)}, {"a", "F32", {4}, bytes(4)}, {"empty", "F32", {0, 7}, bytes(0)}};
}

TEST(SafetensorsTest, WrittenFileIsReadBackInOrder) {
  const std::string path = FreshFolder() + "/model.safetensors";
  const std::vector<float> values = {1, -2, 3.5f, 4, 5, 6};
  ASSERT_TRUE(WriteSafetensors(path, TwoTensors(values)).ok());
  const auto reader = SafetensorsReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto& entries = (*reader)->entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "b.weight");
  EXPECT_EQ(entries[0].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(entries[1].name, "a");
  const std::string_view written(reinterpret_cast<const char*>(values.data()), 24);
  EXPECT_EQ((*reader)->ReadAll(entries[0]).value(), written);
  EXPECT_EQ((*reader)->ReadAll(entries[1]).value(), written.substr(0, 16));
  char piece[8];
  ASSERT_TRUE((*reader)->Read(entries[0], 4, 8, piece).ok());
  EXPECT_EQ(std::string_view(piece, 8), written.substr(4, 8));
  // Readers that map the file expect aligned data.
  EXPECT_EQ((common::ReadFile(path).value().size() - 40) % 8, 0u);
}

TEST(SafetensorsTest, FileThatShrinksAfterItWasOpenedIsDataLoss) {
  const std::string path = FreshFolder() + "/model.safetensors";
  const std::vector<float> values(6, 1.0f);
  ASSERT_TRUE(WriteSafetensors(path, TwoTensors(values)).ok());
  const auto reader = SafetensorsReader::Open(path).value();
  std::filesystem::resize_file(path, 20);
  const absl::Status status = reader->ReadAll(reader->entries()[0]).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), path)) << status;
}

TEST(SafetensorsTest, PipeIsRefusedAndNotWaitedFor) {
  const std::string path = FreshFolder() + "/model.safetensors";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(SafetensorsReader::Open(path).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SafetensorsTest, FullDiskLeavesTheOldFileAndNothingElse) {
  const std::string folder = FreshFolder();
  const std::string path = folder + "/model.safetensors";
  ASSERT_TRUE(common::WriteFileAtomically(path, "old").ok());
  // A limit on file size stands in for a disk that fills up in the middle of the data.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small = {4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::vector<float> values(100'000, 1.0f);
  const absl::Status status =
      WriteSafetensors(path, {{"w", "F32", {100'000}, [&] {
                                 return std::string_view(reinterpret_cast<const char*>(values.data()), 400'000);
                               }}});
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), path)) << status;
  EXPECT_EQ(common::ReadFile(path).value(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST(SafetensorsTest, BytesThatDoNotFitTheShapeAreRefused) {
  const std::string path = FreshFolder() + "/model.safetensors";
  const absl::Status status = WriteSafetensors(path, {{"w", "F32", {3}, [] { return std::string_view("12345678"); }}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "tensor w")) << status;
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SafetensorsTest, TruncatedFileNamesTheTensorThatIsCut) {
  const std::string path = FreshFolder() + "/model.safetensors";
  const std::vector<float> values(6, 1.0f);
  ASSERT_TRUE(WriteSafetensors(path, TwoTensors(values)).ok());
  const std::string whole = common::ReadFile(path).value();
  const absl::Status cut = OpenBytes(whole.substr(0, whole.size() - 1));
  EXPECT_EQ(cut.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(cut.message(), "tensor a:")) << cut;
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(OpenBytes(whole.substr(0, size)).ok()) << size;
}

TEST(SafetensorsTest, EveryDamagedByteOfTheHeaderIsSafeToRead) {
  const std::string path = FreshFolder() + "/model.safetensors";
  const std::vector<float> values(6, 1.0f);
  ASSERT_TRUE(WriteSafetensors(path, TwoTensors(values)).ok());
  const std::string whole = common::ReadFile(path).value();
  const std::string damaged_path = FreshFolder() + "/damaged.safetensors";
  for (size_t at = 0; at < whole.size() - 40; ++at) {
    for (const char byte : {'\0', '"', '9', '}', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = byte;
      std::ofstream(damaged_path) << damaged;
      const auto reader = SafetensorsReader::Open(damaged_path);
      if (!reader.ok()) continue;
      int64_t total = 0;
      for (const auto& entry : (*reader)->entries())
        total += static_cast<int64_t>((*reader)->ReadAll(entry).value().size());
      EXPECT_EQ(total, 40);
    }
  }
}

struct BadHeader {
  const char* what;
  const char* header;
  const char* named;
};

class SafetensorsHeaderTest : public testing::TestWithParam<BadHeader> {};

TEST_P(SafetensorsHeaderTest, IsRefused) {
  const absl::Status status = OpenBytes(FileOf(GetParam().header, 16));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "bytes.safetensors")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), GetParam().named)) << status;
}

INSTANTIATE_TEST_SUITE_P(
    Damage, SafetensorsHeaderTest,
    testing::Values(
        BadHeader{"NotJson", "{", "not valid JSON"}, BadHeader{"NotAnObject", "[]", "not a JSON object"},
        BadHeader{"Overlap",
                  R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},)"
                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
                  "tensor b: overlaps"},
        BadHeader{"Hole",
                  R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
                  "tensor b: a hole"},
        BadHeader{"Rest", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "12 bytes follow"},
        BadHeader{"Size", R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}})",
                  "tensor a: data_offsets span 16"},
        BadHeader{"Dtype", R"({"a":{"dtype":"F31","shape":[4],"data_offsets":[0,16]}})", "F31"},
        BadHeader{"NegativeDim", R"({"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})", "shape"},
        BadHeader{"FractionalDim", R"({"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}})", "shape"},
        BadHeader{"Overflow", R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]}})",
                  "need -1"},
        BadHeader{"OverflowHiddenByAZero",
                  R"({"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]}})",
                  "need -1"},
        BadHeader{"SameBytesTwice",
                  R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},)"
                  R"("b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
                  "tensor b: overlaps"},
        BadHeader{"HugeOffsets",
                  R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]}})",
                  "data_offsets"},
        BadHeader{"Backwards", R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}})", "data_offsets"},
        BadHeader{"Twice",
                  R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},)"
                  R"("a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
                  "a: key is given twice"},
        BadHeader{"UnknownKey", R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1}})",
                  "unknown header key"},
        BadHeader{"Metadata", R"({"__metadata__":{"n":1},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
                  "__metadata__"}),
    [](const testing::TestParamInfo<BadHeader>& bad) { return bad.param.what; });

TEST(SafetensorsTest, AbsurdHeaderLengthIsRefusedBeforeItIsRead) {
  const absl::Status status = OpenBytes(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "absurd")) << status;
}

TEST(SafetensorsTest, DeeplyNestedHeaderIsRefused) {
  const std::string nested =
      absl::StrCat(R"({"a":{"dtype":)", std::string(1'000'000, '['), std::string(1'000'000, ']'), "}}");
  const absl::Status status = OpenBytes(FileOf(nested, 16));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "bytes.safetensors: is nested deeper")) << status;
}

TEST(SafetensorsTest, LongNameMakesNoLongMessage) {
  const std::string name = std::string(1'000'000, 'n') + R"()";
  const absl::Status status = OpenBytes(FileOf(absl::StrCat("{\"", name, "\":{\"dtype\":1}}"), 16));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 600u);
}

}  // namespace
}  // namespace cohort::model
